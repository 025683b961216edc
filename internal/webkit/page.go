package webkit

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
)

// PageHeaders sets the headers of a page without scripts. Its one style sheet, written into the page,
// is allowed by its digest and nothing else is: no script, no picture, no frame, no other form target. Its
// address goes to no other site. To our own it has to: by no-referrer a browser says "null" for the origin of
// the form, and without TLS there is nothing else to tell ours from that of another site.
func PageHeaders(w http.ResponseWriter, style string) {
	sum := sha256.Sum256([]byte(style))
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+
		"'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("X-Robots-Tag", "noindex")
	h.Set("Cache-Control", "no-store")
}
