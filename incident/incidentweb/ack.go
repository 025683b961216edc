package incidentweb

import (
	"bytes"
	_ "embed" // the page and the style
	"errors"
	"html/template"
	"net/http"
	"slices"
	"strings"

	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/internal/problem"
	"github.com/theriac/theriac/internal/webkit"
)

//go:embed ack.html
var ackHTML string

// pageCSS is the style of all pages.
//
//go:embed page.css
var pageCSS string

// ackTemplate has the style written into it, byte by byte as its digest in the headers says.
var ackTemplate = template.Must(template.New("ack").Parse(strings.Replace(ackHTML, "/*style*/", pageCSS, 1)))

// maxAckForm bounds the form, which is one signed text.
const maxAckForm = 8 << 10

// ackPage is what the page shows. Everything in it may come from outside.
type ackPage struct {
	Title, Name, Text, Button, Token string
	Facts                            []ackFact
}

type ackFact struct{ Name, Value string }

func (p ackPage) write(w http.ResponseWriter, status int) {
	var out bytes.Buffer
	if err := ackTemplate.Execute(&out, p); err != nil {
		http.Error(w, "the page cannot be shown", http.StatusInternalServerError)
		return
	}
	webkit.PageHeaders(w, pageCSS)
	w.WriteHeader(status)
	_, _ = w.Write(out.Bytes()) // nobody is left to tell
}

// showAck shows who is paged for what, and one button. It changes nothing, since phones and mail
// programs open links by themselves.
func (a *api) showAck(w http.ResponseWriter, r *http.Request) {
	t := r.URL.Query().Get("t")
	link, ok := readAckLink(a.AckKeys, r.PathValue("escalation"), t, a.Now())
	if !ok {
		badLink().write(w, http.StatusForbidden)
		return
	}
	inc, err := a.stores.Get(r.Context(), link.Incident)
	if err != nil {
		a.ackFailed(w, r, err, "")
		return
	}
	page, ok := ackPageOf(&inc, link)
	if !ok {
		a.ackFailed(w, r, incident.ErrNotFound, "")
		return
	}
	page.Token = t
	page.write(w, http.StatusOK)
}

// takeAck answers the page in the name of the person whom the link is for.
func (a *api) takeAck(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxAckForm)
	if err := r.ParseForm(); err != nil {
		badLink().write(w, http.StatusBadRequest)
		return
	}
	link, ok := readAckLink(a.AckKeys, r.PathValue("escalation"), r.PostForm.Get("t"), a.Now())
	if !ok {
		badLink().write(w, http.StatusForbidden)
		return
	}
	by, err := a.paged(r, link)
	if err != nil {
		a.ackFailed(w, r, err, r.PostForm.Get("t"))
		return
	}
	inc, err := a.svc.Do(r.Context(), link.Incident, by, func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
		return inc.Ack(act, link.Escalation)
	}, incident.WithKey("ack:"+link.Escalation+":"+link.Person))
	if err != nil && !errors.Is(err, incident.ErrDuplicate) {
		a.ackFailed(w, r, err, r.PostForm.Get("t"))
		return
	}
	page, _ := ackPageOf(&inc, link)
	page.Button = ""
	page.write(w, http.StatusOK)
}

// paged returns the person of a link as an actor. Somebody who left does not answer any more; somebody
// whom the directory does not know may still be named by a path.
func (a *api) paged(r *http.Request, link AckLink) (incident.Actor, error) {
	by := incident.Actor{Kind: incident.ByPerson, ID: link.Person, Name: link.Person, Role: incident.Responder}
	person, err := a.stores.Person(r.Context(), link.Person)
	switch {
	case errors.Is(err, incident.ErrNotFound):
		return by, nil
	case err != nil:
		return by, err
	case person.Left(a.Now()):
		return by, incident.ErrNotAllowed
	}
	by.ID, by.Name = person.ID, person.Name
	return by, nil
}

// ackPageOf says how an escalation stands. A private incident is its number only: its link stands in pages
// that others read, too, so that it does not show who looks.
func ackPageOf(inc *incident.Incident, link AckLink) (ackPage, bool) {
	i := slices.IndexFunc(inc.Escalations, func(e incident.Escalation) bool { return e.ID == link.Escalation })
	if i < 0 {
		return ackPage{}, false
	}
	e := inc.Escalations[i]
	p := ackPage{Title: inc.Ref() + " pages " + link.Person, Name: inc.Name}
	if inc.Visibility == incident.Private {
		p.Name = "a private incident"
	} else {
		p.Facts = []ackFact{{"Status", string(inc.Status)}, {"Severity", inc.Severity}, {"Why", e.Reason}}
	}
	p.Facts = slices.DeleteFunc(p.Facts, func(f ackFact) bool { return f.Value == "" })
	switch e.State {
	case incident.Paging:
		p.Button = "I have it"
	case incident.Acked:
		p.Title, p.Text, p.Button = inc.Ref()+" is answered", ackedText(e, link.Person)+" "+othersCalled(inc), "I am here too"
		if answered(e, link.Person) {
			p.Button = ""
		}
	case incident.Exhausted:
		p.Title, p.Text = inc.Ref()+" was not answered", "Everybody was paged and nobody answered in time. The incident is still there."
	case incident.Cancelled:
		p.Title, p.Text = inc.Ref()+" pages nobody any more", "The escalation was cancelled."
	case incident.Ended:
		p.Title, p.Text = inc.Ref()+" pages nobody any more", "The incident has ended."
	}
	return p, true
}

func ackedText(e incident.Escalation, person string) string {
	switch {
	case e.AckedBy != nil && e.AckedBy.ID == person:
		return "You have it."
	case e.AckedBy != nil && e.AckedBy.Name != "":
		return e.AckedBy.Name + " has it."
	default:
		return "Somebody has it."
	}
}

// othersCalled says whether another escalation of the incident goes on.
func othersCalled(inc *incident.Incident) string {
	if slices.ContainsFunc(inc.Escalations, func(e incident.Escalation) bool { return e.State == incident.Paging && !e.NotifyOnly }) {
		return "The incident still pages people for another reason: theriac incident ack " + inc.Ref()
	}
	return "Nobody else is paged."
}

// answered reports whether somebody is noted already.
func answered(e incident.Escalation, person string) bool {
	is := func(a incident.Actor) bool { return a.Kind == incident.ByPerson && a.ID == person }
	return e.AckedBy != nil && is(*e.AckedBy) || slices.ContainsFunc(e.Also, is)
}

func badLink() ackPage {
	return ackPage{Title: "This link does not work", Text: "It has expired, or it is not complete. Answer from the chat, or with: theriac incident ack"}
}

// ackFailed says on the page that it did not work, and what else does. What may go better the next time has a
// button for that, if there is a token for it.
func (a *api) ackFailed(w http.ResponseWriter, r *http.Request, err error, token string) {
	kind := problem.Of(err)
	page := ackPage{Title: "It was not noted", Text: "Answer from the chat, or with: theriac incident ack"}
	var final *incident.ConflictError
	switch {
	case kind == problem.NotFound:
		page.Text = "There is no such page any more."
	case kind == problem.NotAllowed:
		page.Text = "This link is of somebody who has left."
	case errors.As(err, &final) || kind == problem.Refused:
		page.Text = "It cannot be answered any more: " + err.Error()
	case kind == problem.Conflict:
		page.Text = "Several people changed the incident at the same moment."
		page.again(token)
	default:
		a.Logger.ErrorContext(r.Context(), "an acknowledgement failed", "err", err)
		w.Header().Set("Retry-After", "5")
		page.again(token)
	}
	page.write(w, kind.HTTPStatus())
}

// again offers to send the form once more.
func (p *ackPage) again(token string) {
	if token != "" {
		p.Button, p.Token = "Try again", token
	}
}
