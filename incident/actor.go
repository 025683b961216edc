package incident

// ActorKind says what sort of author an event has.
type ActorKind string

// The kinds of actors.
const (
	ByPerson     ActorKind = "person"     // somebody we know, or a name that somebody claims (command line)
	ByToken      ActorKind = "token"      // a program with a bearer token
	ByAlert      ActorKind = "alert"      // an alert source
	ByClock      ActorKind = "clock"      // a job of the clock
	ByWorkflow   ActorKind = "workflow"   // one of the workflow's own handlers
	ByQuarantine ActorKind = "quarantine" // a quarantined message, or a decision about one
)

// Actor is who does something.
type Actor struct {
	Kind ActorKind `json:"kind"`
	// ID is the person's id, the token's, the source's or the handler's name.
	ID string `json:"id,omitempty"`
	// Name is shown to people. It comes from outside.
	Name string `json:"name,omitempty"`
	// Role is what the actor may do. It is checked by verbs that ask for more than the surface did, and
	// is not stored.
	Role Role `json:"-"`
}

// Role is what somebody may do in the service.
type Role string

// The roles of people and tokens; each may do all that the one before it may.
const (
	Viewer    Role = "viewer"    // reads
	Responder Role = "responder" // runs incidents
	Admin     Role = "admin"     // settings, tokens, opting out, private incidents
)

// Allows reports that r may do what needs the role least.
func (r Role) Allows(least Role) bool {
	rank := map[Role]int{Viewer: 1, Responder: 2, Admin: 3}
	return rank[r] >= rank[least] && rank[r] > 0
}
