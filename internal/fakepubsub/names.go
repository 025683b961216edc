package fakepubsub

import (
	"regexp"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// resourceID is the documented form of the last part of a resource name.
var resourceID = regexp.MustCompile(`^[A-Za-z][-A-Za-z0-9_.~+%]{2,254}$`)

// checkName refuses a name that is not projects/{project}/{kind}/{id}.
func checkName(kind, name string) error {
	part := strings.Split(name, "/")
	if len(part) != 4 || part[0] != "projects" || part[1] == "" || part[2] != kind {
		return status.Errorf(codes.InvalidArgument, "invalid name %q: want projects/{project}/%s/{id}", name, kind)
	}
	if !resourceID.MatchString(part[3]) || strings.HasPrefix(strings.ToLower(part[3]), "goog") {
		return status.Errorf(codes.InvalidArgument,
			"invalid name %q: an id has 3 to 255 letters, digits or -_.~+%%, starts with a letter and not with goog", name)
	}
	return nil
}

// projectOf returns the project of a name that checkName accepted.
func projectOf(name string) string { return strings.Split(name, "/")[1] }

func notFound(what, name string) error {
	return status.Errorf(codes.NotFound, "%s not found: %s", what, name)
}

// page cuts one page out of sorted names. The token is the last name of the
// page before.
func page(names []string, size int32, token string) (out []string, next string) {
	for i, name := range names {
		if name <= token {
			continue
		}
		if size > 0 && len(out) == int(size) {
			return out, names[i-1]
		}
		out = append(out, name)
	}
	return out, ""
}

// shortName returns the last part of a resource name.
func shortName(name string) string { return name[strings.LastIndexByte(name, '/')+1:] }
