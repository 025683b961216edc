package slackfake

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

//go:embed page.html page.css page.js
var assets embed.FS

var pageTemplate = template.Must(template.ParseFS(assets, "page.html"))

// page is what a person sees: one channel as one user.
type page struct {
	Team, As, Channel string
	Said              string // what became of the last click
	Version           int
	Users             []User
	Channels          []Channel
	Messages          []pageMessage
	Ephemerals        [][]span
	Views             []pageView
}

type pageMessage struct {
	Message
	Spans   []span
	Shown   []pageBlock
	Pings   []string
	JSON    string
	Replies []pageMessage
	As      string
}

// pageBlock is a block with its texts read.
type pageBlock struct {
	block
	Spans    []span
	Lines    [][]span
	Controls []control
	Channel  string
	TS       string
	As       string
}

// control is something to press.
type control struct {
	element
	Label   string
	Confirm *confirmation
	Channel string
	TS      string
	As      string
}

type pageView struct {
	View
	Inputs []pageInput
	As     string
}

type pageInput struct {
	block
	Spans []span
	Error string
}

func (s *Server) page(channelID, as, said string) page {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := page{Team: s.cfg.TeamName, Said: said, Version: s.version, Users: s.cfg.Users}
	if _, ok := s.userLocked(as); !ok && len(p.Users) > 0 {
		as = p.Users[0].ID
	}
	c := s.channelLocked(channelID)
	if c == nil && len(s.channels) > 0 {
		c = s.channels[0]
	}
	p.As = as
	for _, one := range s.channels {
		p.Channels = append(p.Channels, one.Channel)
	}
	if c == nil {
		return p
	}
	p.Channel = c.ID
	at := map[string]int{}
	for _, m := range c.messages {
		shown := newPageMessage(*m, as)
		if parent, ok := at[m.ThreadTS]; ok && m.ThreadTS != "" {
			p.Messages[parent].Replies = append(p.Messages[parent].Replies, shown)
			continue
		}
		at[m.TS] = len(p.Messages)
		p.Messages = append(p.Messages, shown)
	}
	for _, e := range s.ephemerals {
		if e.Channel == c.ID && e.User == as {
			p.Ephemerals = append(p.Ephemerals, mrkdwn(e.Text))
		}
	}
	for _, v := range s.views {
		if v.User == as {
			p.Views = append(p.Views, newPageView(*v, as))
		}
	}
	return p
}

func newPageMessage(m Message, as string) pageMessage {
	shown := pageMessage{Message: m, Spans: mrkdwn(m.Text), Pings: m.Mentions(), As: as}
	var indented bytes.Buffer
	if m.Blocks != nil && json.Indent(&indented, m.Blocks, "", "  ") == nil {
		shown.JSON = indented.String()
	}
	for _, b := range decodeBlocks(m.Blocks) {
		pb := pageBlock{block: b, Channel: m.Channel, TS: m.TS, As: as}
		if b.Text != nil {
			pb.Spans = b.Text.spans()
		}
		for _, f := range b.Fields {
			pb.Lines = append(pb.Lines, f.spans())
		}
		controls := b.Elements
		if b.Type == "context" {
			controls = nil
			for _, e := range b.Elements {
				pb.Lines = append(pb.Lines, textObject{Type: e.Type, Text: e.words()}.spans())
			}
		}
		if b.Accessory != nil {
			controls = append(controls, *b.Accessory)
		}
		for _, e := range controls {
			pb.Controls = append(pb.Controls, control{element: e, Label: e.label().Text, Confirm: e.Confirm, Channel: m.Channel, TS: m.TS, As: as})
		}
		shown.Shown = append(shown.Shown, pb)
	}
	return shown
}

func (t textObject) spans() []span {
	if t.Type == "mrkdwn" {
		return mrkdwn(t.Text)
	}
	return []span{{Kind: "text", Text: t.Text}}
}

func newPageView(v View, as string) pageView {
	shown := pageView{View: v, As: as}
	for _, b := range decodeBlocks(v.Blocks) {
		in := pageInput{block: b, Error: v.Errors[b.BlockID]}
		if b.Text != nil {
			in.Spans = b.Text.spans()
		}
		shown.Inputs = append(shown.Inputs, in)
	}
	return shown
}

// pageRoutes returns what people see and press. Only this machine's own names reach it, and only pages
// of its own can press.
func (s *Server) pageRoutes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.servePage)
	mux.HandleFunc("GET /page.css", asset("page.css", "text/css; charset=utf-8"))
	mux.HandleFunc("GET /page.js", asset("page.js", "text/javascript; charset=utf-8"))
	mux.HandleFunc("GET /version", s.serveVersion)
	mux.HandleFunc("POST /press", s.servePress)
	mux.HandleFunc("POST /command", s.serveCommand)
	mux.HandleFunc("POST /submit", s.serveSubmit)
	mux.HandleFunc("POST /dismiss", s.serveDismiss)
	own := http.NewCrossOriginProtection().Handler(mux)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		h.Set("X-Robots-Tag", "noindex")
		if !s.ownHost(r.Host) {
			http.Error(w, "this is served to this machine alone", http.StatusMisdirectedRequest)
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
		own.ServeHTTP(w, r)
	})
}

// ownHost reports whether a request names this machine: a page elsewhere could have its name lead here.
func (s *Server) ownHost(host string) bool {
	address := s.listener.Addr().String()
	_, port, _ := strings.Cut(address, ":")
	return host == address || host == "localhost:"+port
}

func asset(name, kind string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		data, err := assets.ReadFile(name)
		if err != nil {
			http.Error(w, "not found", http.StatusNotFound)
			return
		}
		w.Header().Set("Content-Type", kind)
		_, _ = w.Write(data)
	}
}

func (s *Server) servePage(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	said := q.Get("said")
	var out bytes.Buffer
	if err := pageTemplate.Execute(&out, s.page(q.Get("channel"), q.Get("as"), said[:min(len(said), 500)])); err != nil {
		http.Error(w, "the page cannot be made", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(out.Bytes())
}

func (s *Server) serveVersion(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	version := s.version
	s.mu.Unlock()
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = fmt.Fprint(w, strconv.Itoa(version))
}

func (s *Server) servePress(w http.ResponseWriter, r *http.Request) {
	f := r.PostFormValue
	err := s.PressOption(r.Context(), f("channel"), f("ts"), f("action"), f("value"), f("as"))
	s.back(w, r, err)
}

func (s *Server) serveCommand(w http.ResponseWriter, r *http.Request) {
	f := r.PostFormValue
	command, text, _ := strings.Cut(strings.TrimSpace(f("typed")), " ")
	if !strings.HasPrefix(command, "/") {
		s.back(w, r, errors.New("only commands, such as /theriac, can be typed here"))
		return
	}
	s.back(w, r, s.Command(r.Context(), f("channel"), f("as"), command, text))
}

func (s *Server) serveSubmit(w http.ResponseWriter, r *http.Request) {
	values := map[string]string{}
	if err := r.ParseForm(); err != nil {
		s.back(w, r, err)
		return
	}
	for name := range r.PostForm {
		if id, ok := strings.CutPrefix(name, "value:"); ok {
			values[id] = strings.ReplaceAll(r.PostForm.Get(name), "\r\n", "\n")
		}
	}
	s.back(w, r, s.Submit(r.Context(), r.PostFormValue("view"), values, r.PostFormValue("as")))
}

func (s *Server) serveDismiss(w http.ResponseWriter, r *http.Request) {
	s.Dismiss(r.PostFormValue("view"))
	s.back(w, r, nil)
}

// back shows the channel again, with what became of the click.
func (s *Server) back(w http.ResponseWriter, r *http.Request, err error) {
	q := url.Values{"channel": {r.PostFormValue("channel")}, "as": {r.PostFormValue("as")}}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		q.Set("said", "The app did not answer within 3 seconds.")
	case err != nil:
		q.Set("said", err.Error())
	}
	http.Redirect(w, r, "/?"+q.Encode(), http.StatusSeeOther)
}
