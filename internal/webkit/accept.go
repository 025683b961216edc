package webkit

import (
	"mime"
	"net/http"
	"strconv"
	"strings"
)

// PrefersHTML reports that a request asks for a page rather than for JSON, by its header Accept, as
// browsers do. Who says nothing, or takes either as gladly, is a program.
func PrefersHTML(r *http.Request) bool {
	accept := strings.Join(r.Header.Values("Accept"), ",")
	return quality(accept, "text", "html") > max(quality(accept, "application", "json"), quality(accept, "application", "problem+json"))
}

// quality returns how much a media type is wanted, from 0 to 1: by the range that names it most closely
// (RFC 9110, section 12.5.1). Ranges that cannot be read are left out.
func quality(accept, main, sub string) float64 {
	closest, wanted := -1, 0.0
	for part := range strings.SplitSeq(accept, ",") {
		media, params, err := mime.ParseMediaType(part)
		if err != nil {
			continue
		}
		near := -1
		switch media {
		case "*/*":
			near = 0
		case main + "/*":
			near = 1
		case main + "/" + sub:
			near = 2
		}
		if q, ok := weight(params["q"]); ok && near > closest {
			closest, wanted = near, q
		}
	}
	return wanted
}

// weight reads a q, 1 where there is none.
func weight(q string) (float64, bool) {
	if q == "" {
		return 1, true
	}
	w, err := strconv.ParseFloat(q, 64)
	return w, err == nil && w >= 0 && w <= 1
}
