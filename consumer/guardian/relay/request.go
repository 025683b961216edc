package relay

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Bounds of a request record, beside the size of the whole. A header line costs two bytes in a
// record and about a hundred in a map, so their number is bounded too.
const (
	maxMethod      = 32
	maxURL         = 8 << 10 // what common servers take
	maxHost        = 512
	maxHeaderLines = 256
	maxHeader      = 64 << 10
)

// errBadRecord says that a frame does not hold a request.
var errBadRecord = errors.New("not a request record")

// appendRequest appends req as a request record: method, URL, Host and the header lines, each with
// its length as uvarint before it, and then the body up to the end. It returns [ErrTooLarge] as
// soon as dst is longer than limit, and [ErrInvalid] for what parseRequest would not take.
func appendRequest(dst []byte, req *http.Request, limit int) ([]byte, error) {
	method := cmp.Or(req.Method, http.MethodGet)
	if req.URL == nil || !isHTTP(req.URL) || !isMethod(method) || !isHost(req.Host) {
		return dst, ErrInvalid
	}
	target := *req.URL
	target.User, target.Fragment, target.RawFragment = nil, "", "" // never sent in a request
	text, lines := target.String(), headerLines(req.Header)
	if len(text) > maxURL || lines > maxHeaderLines || req.ContentLength > int64(limit) {
		return dst, ErrTooLarge
	}
	dst = appendField(dst, method)
	dst = appendField(dst, text)
	dst = appendField(dst, req.Host)
	dst = binary.AppendUvarint(dst, uint64(lines))
	for name, values := range req.Header {
		for _, value := range values {
			if !isHeader(name, value) {
				return dst, ErrInvalid
			}
			dst = appendField(appendField(dst, name), value)
		}
	}
	if req.Body == nil || len(dst) > limit {
		return dst, tooLarge(dst, limit)
	}
	return appendBody(dst, req.Body, limit)
}

func appendField(dst []byte, field string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(field))), field...)
}

// appendBody reads body to its end, but no further than a byte past limit.
func appendBody(dst []byte, body io.Reader, limit int) ([]byte, error) {
	for {
		dst = slices.Grow(dst, 512)
		n, err := body.Read(dst[len(dst):min(cap(dst), max(limit+1, len(dst)+1))])
		dst = dst[:len(dst)+n]
		if errors.Is(err, io.EOF) || len(dst) > limit {
			return dst, tooLarge(dst, limit)
		}
		if err != nil {
			return dst, fmt.Errorf("read the body: %w", err)
		}
	}
}

func tooLarge(b []byte, limit int) error {
	if len(b) > limit {
		return ErrTooLarge
	}
	return nil
}

func headerLines(h http.Header) int {
	lines := 0
	for _, values := range h {
		lines += len(values)
	}
	return lines
}

func isHTTP(u *url.URL) bool { return (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" }

// request is what a request record describes. The body shares the record's memory.
type request struct {
	method, text, host string
	url                *url.URL // text, parsed
	header             http.Header
	body               []byte
}

// parseRequest reads the record of a hostile process. Its error does not name the URL, which may
// hold a key.
func parseRequest(record []byte) (request, error) {
	in := fields{rest: record}
	r := request{method: in.next(maxMethod), text: in.next(maxURL), host: in.next(maxHost), header: in.header(), body: in.rest}
	if in.bad || !isMethod(r.method) || !isHost(r.host) {
		return request{}, errBadRecord
	}
	var err error
	if r.url, err = url.Parse(r.text); err != nil || !isHTTP(r.url) {
		return request{}, errBadRecord
	}
	return r, nil
}

// The characters of a token (RFC 9110, section 5.6.2).
const (
	letters         = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	tokenCharacters = letters + "0123456789!#$%&'*+-.^_`|~"
)

// isMethod reports whether a method can be forwarded: letters, and none that opens a tunnel.
func isMethod(method string) bool {
	return method != "" && len(method) <= maxMethod && method != http.MethodConnect &&
		strings.Trim(method, letters) == ""
}

// isHeader reports whether net/http would send a header line. What it refuses would fail like a
// host that is down, and hold up the line.
func isHeader(name, value string) bool {
	return name != "" && len(name)+len(value) <= maxHeader && strings.Trim(name, tokenCharacters) == "" &&
		!strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f })
}

// isHost likewise, for the Host that may differ from the URL's. Empty means that it does not.
func isHost(host string) bool {
	return len(host) <= maxHost && strings.Trim(host, letters+"0123456789-._~%:[]") == ""
}

// lane names the line that the request waits in: scheme and host.
func (r request) lane() string { return r.url.Scheme + "://" + strings.ToLower(r.url.Host) }

// build returns the request to send.
func (r request) build(ctx context.Context) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, r.method, r.text, bytes.NewReader(r.body))
	if err != nil {
		return nil, errBadRecord
	}
	req.URL.User = nil
	req.Header = r.header
	req.Host = cmp.Or(r.host, req.Host)
	return req, nil
}

// fields reads length-prefixed fields. After the first that is missing or too long it is bad, and
// every further one is empty.
type fields struct {
	rest []byte
	bad  bool
}

func (f *fields) next(limit int) string {
	n := f.number(limit)
	if n > len(f.rest) {
		f.bad = true
	}
	if f.bad {
		return ""
	}
	field := string(f.rest[:n])
	f.rest = f.rest[n:]
	return field
}

func (f *fields) number(limit int) int {
	n, size := binary.Uvarint(f.rest)
	if f.bad || size <= 0 || n > uint64(limit) {
		f.bad = true
		return 0
	}
	f.rest = f.rest[size:]
	return int(n)
}

// header reads the header lines and leaves out those that speak of one connection only, which the
// guardian's own connection is not.
func (f *fields) header() http.Header {
	header := http.Header{}
	for range f.number(maxHeaderLines) {
		name, value := f.next(maxHeader), f.next(maxHeader)
		if f.bad = f.bad || !isHeader(name, value); f.bad {
			return nil
		}
		if !ofOneConnection(name) {
			header.Add(name, value)
		}
	}
	return header
}

// ofOneConnection reports whether a header is hop-by-hop (RFC 9110, section 7.6.1), asks the
// server to wait for more, or is computed anew for the body.
func ofOneConnection(name string) bool {
	switch http.CanonicalHeaderKey(name) {
	case "Connection", "Keep-Alive", "Proxy-Connection", "Proxy-Authorization", "Te", "Trailer",
		"Transfer-Encoding", "Upgrade", "Expect", "Content-Length", "Host":
		return true
	}
	return false
}
