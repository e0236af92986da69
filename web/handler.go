package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
)

// policy lets the console run its own scripts and talk to its own server, nothing else. Mantine writes style elements,
// which is why styles may be inline.
const policy = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; " +
	"font-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

const index = "index.html"

// notBuilt is served while there is no build.
const notBuilt = `<!doctype html><html lang="en"><meta charset="utf-8"><title>Godwit</title>
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:40em;margin:15vh auto;padding:0 1em;color-scheme:light dark}</style>
<h1>This manager was built without its console</h1>
<p>Build it with <code>make web</code> in the source tree, then the manager again with <code>make build</code>.
The command line and the API work as ever.</p></html>
`

// file is one file of the build, ready to send.
type file struct {
	kind   string
	plain  []byte
	packed []byte // gzip; nil when it saves nothing
	etag   string
}

// console holds the whole build in memory, packed once: it is a few hundred kilobytes.
type console map[string]*file

func handler(files fs.FS) http.Handler {
	c := console{}
	// A file that cannot be read is not served; an embedded one always can.
	_ = fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasPrefix(path.Base(name), ".") {
			return nil //nolint:nilerr // see above
		}
		if b, err := fs.ReadFile(files, name); err == nil {
			c[name] = newFile(name, b)
		}
		return nil
	})
	return c
}

func newFile(name string, plain []byte) *file {
	sum := sha256.Sum256(plain)
	f := &file{kind: contentType(name), plain: plain, etag: `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`}
	var b bytes.Buffer
	w, _ := gzip.NewWriterLevel(&b, gzip.BestCompression) // the level is valid
	if _, err := w.Write(plain); err == nil && w.Close() == nil && b.Len() < len(plain)*9/10 {
		f.packed = b.Bytes()
	}
	return f
}

// contentType does not ask the machine's MIME tables, which differ, for what a console is made of.
func contentType(name string) string {
	switch ext := path.Ext(name); ext {
	case ".html":
		return "text/html; charset=utf-8"
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	default:
		if t := mime.TypeByExtension(ext); t != "" {
			return t
		}
		return "application/octet-stream"
	}
}

// ServeHTTP answers GET and HEAD.
func (c console) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		h.Set("Allow", "GET, HEAD")
		http.Error(w, "the console is only read", http.StatusMethodNotAllowed)
		return
	}
	if c[index] == nil {
		h.Set("Cache-Control", "no-store")
		h.Set("Content-Type", contentType(index))
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write([]byte(notBuilt))
		return
	}
	name := strings.TrimPrefix(path.Clean("/"+r.URL.Path), "/")
	f := c[name]
	switch {
	case strings.HasPrefix(name, "assets/") && f != nil:
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	case strings.HasPrefix(name, "assets/"):
		// An old page asks for what a new build no longer has: a page in its place would be taken for a script.
		h.Set("Cache-Control", "no-store")
		http.Error(w, "this file belongs to another version of the console: reload the page", http.StatusNotFound)
		return
	case f == nil:
		f = c[index]
		h.Set("Cache-Control", "no-cache")
	default:
		h.Set("Cache-Control", "no-cache")
	}
	f.serve(w, r)
}

func (f *file) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", f.kind)
	h.Set("Vary", "Accept-Encoding")
	h.Set("ETag", f.etag)
	if strings.Contains(r.Header.Get("If-None-Match"), f.etag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	body := f.plain
	if f.packed != nil && acceptsGzip(r.Header.Get("Accept-Encoding")) {
		h.Set("Content-Encoding", "gzip")
		// A strong validator must differ between the two forms.
		h.Set("ETag", "W/"+f.etag)
		body = f.packed
	}
	if r.Method == http.MethodHead {
		return
	}
	_, _ = w.Write(body)
}

// acceptsGzip reads Accept-Encoding: gzip must be named and not have quality 0.
func acceptsGzip(header string) bool {
	for part := range strings.SplitSeq(header, ",") {
		coding, params, _ := strings.Cut(strings.TrimSpace(part), ";")
		if strings.EqualFold(strings.TrimSpace(coding), "gzip") {
			q := strings.ReplaceAll(strings.ToLower(params), " ", "")
			return q != "q=0" && !strings.HasPrefix(q, "q=0.000") && q != "q=0.0" && q != "q=0.00"
		}
	}
	return false
}
