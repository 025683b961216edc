package slackfake

import (
	"bytes"
	"context"
	"embed"
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
	mux.HandleFunc("POST /do", s.serveDo)
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
	typed := strings.ReplaceAll(strings.TrimSpace(f("typed")), "\r\n", "\n")
	if strings.HasPrefix(typed, "/") {
		command, text, _ := strings.Cut(typed, " ")
		s.back(w, r, s.Command(r.Context(), f("channel"), f("as"), command, text))
		return
	}
	_, err := s.Say(f("channel"), f("thread"), f("as"), typed)
	s.back(w, r, err)
}

// serveDo does what needs no more than a channel, a message and a person.
func (s *Server) serveDo(w http.ResponseWriter, r *http.Request) {
	f := r.PostFormValue
	channel, ts, as := f("channel"), f("ts"), f("as")
	var err error
	switch f("what") {
	case "pin":
		err = s.PinMessage(channel, ts, as)
	case "react":
		err = s.React(channel, ts, as, "eyes")
	case "delete":
		err = s.Delete(channel, ts, as)
	case "join":
		err = s.Join(channel, as)
	case "leave":
		err = s.Leave(channel, as)
	case "archive":
		err = s.Archive(channel, as)
	case "unarchive":
		err = s.Unarchive(channel, as)
	case "choose":
		err = s.Choose(r.Context(), f("callback"), channel, ts, as)
	default:
		err = errors.New("there is no such thing to do")
	}
	s.back(w, r, err)
}

func (s *Server) serveSubmit(w http.ResponseWriter, r *http.Request) {
	values := map[string]string{}
	if err := r.ParseForm(); err != nil {
		s.back(w, r, err)
		return
	}
	for name := range r.PostForm {
		if id, ok := strings.CutPrefix(name, "value:"); ok {
			values[id] = strings.ReplaceAll(strings.Join(r.PostForm[name], ","), "\r\n", "\n")
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
