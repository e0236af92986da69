package web

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
)

const script = "assets/index-a1b2.js"

func build() http.Handler {
	return handler(fstest.MapFS{
		"index.html": {Data: []byte("<!doctype html><title>Godwit</title>" + strings.Repeat("<p>words</p>", 50))},
		script:       {Data: []byte(strings.Repeat("console.log(1);", 200))},
		"godwit.svg": {Data: []byte("<svg/>")},
		".gitkeep":   {},
	})
}

func ask(h http.Handler, method, path string, header ...string) *http.Response {
	r := httptest.NewRequest(method, path, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func text(t *testing.T, r *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestEveryViewIsTheConsole(t *testing.T) {
	t.Parallel()
	h := build()
	for _, path := range []string{"/", "/nodes", "/nodes/01abc?cluster=x", "/setup", "/../etc/passwd", "/.gitkeep", "/index.html/", "/a//b"} {
		r := ask(h, "GET", path)
		if body := text(t, r); r.StatusCode != http.StatusOK || !strings.Contains(body, "<title>Godwit") || r.Header.Get("Cache-Control") != "no-cache" {
			t.Errorf("%s: %d, Cache-Control %q\n%.80s", path, r.StatusCode, r.Header.Get("Cache-Control"), body)
		}
	}
}

func TestHashedFilesAreCachedForGoodAndOthersAskAgain(t *testing.T) {
	t.Parallel()
	h := build()
	if r := ask(h, "GET", "/"+script); !strings.Contains(r.Header.Get("Cache-Control"), "immutable") || !strings.HasPrefix(r.Header.Get("Content-Type"), "text/javascript") {
		t.Errorf("script: %v", r.Header)
	}
	r := ask(h, "GET", "/godwit.svg")
	if r.Header.Get("Cache-Control") != "no-cache" || r.Header.Get("Content-Type") != "image/svg+xml" {
		t.Errorf("icon: %v", r.Header)
	}
	if again := ask(h, "GET", "/godwit.svg", "If-None-Match", r.Header.Get("ETag")); again.StatusCode != http.StatusNotModified || text(t, again) != "" {
		t.Errorf("asked again with its ETag: %d", again.StatusCode)
	}
}

func TestAScriptOfAnotherBuildIsNotFoundInsteadOfAPage(t *testing.T) {
	t.Parallel()
	r := ask(build(), "GET", "/assets/index-gone.js")
	if r.StatusCode != http.StatusNotFound || strings.Contains(r.Header.Get("Cache-Control"), "immutable") || !strings.Contains(text(t, r), "reload") {
		t.Errorf("%d %v", r.StatusCode, r.Header)
	}
}

func TestFilesArePackedForThoseWhoUnpack(t *testing.T) {
	t.Parallel()
	h := build()
	plain := text(t, ask(h, "GET", "/"+script))
	for accept, want := range map[string]bool{
		"gzip": true, "br, GZIP;q=0.5": true, "": false, "br": false, "gzip;q=0": false, "gzip; q=0.000": false, "x-gzip": false,
	} {
		r := ask(h, "GET", "/"+script, "Accept-Encoding", accept)
		if packed := r.Header.Get("Content-Encoding") == "gzip"; packed != want {
			t.Errorf("Accept-Encoding %q: packed %v, want %v", accept, packed, want)
			continue
		}
		if r.Header.Get("Vary") != "Accept-Encoding" {
			t.Errorf("Accept-Encoding %q: caches would mix up the forms", accept)
		}
		body := io.Reader(r.Body)
		if want {
			var err error
			if body, err = gzip.NewReader(r.Body); err != nil {
				t.Fatal(err)
			}
		}
		if b, err := io.ReadAll(body); err != nil || string(b) != plain {
			t.Errorf("Accept-Encoding %q: another content, %v", accept, err)
		}
	}
}

func TestNothingForeignRunsInTheConsole(t *testing.T) {
	t.Parallel()
	for name, h := range map[string]http.Handler{"built": build(), "not built": handler(fstest.MapFS{".gitkeep": {}})} {
		for _, path := range []string{"/", "/" + script, "/assets/none.js"} {
			head := ask(h, "GET", path).Header
			csp := head.Get("Content-Security-Policy")
			for _, want := range []string{"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"} {
				if !strings.Contains(csp, want) {
					t.Errorf("%s, %s: policy lacks %s: %s", name, path, want, csp)
				}
			}
			for _, source := range strings.Split(csp, ";") {
				if strings.Contains(source, "script-src") && strings.TrimSpace(source) != "script-src 'self'" {
					t.Errorf("%s, %s: scripts from %s", name, path, source)
				}
			}
			if head.Get("X-Content-Type-Options") != "nosniff" || head.Get("Referrer-Policy") != "no-referrer" || head.Get("X-Frame-Options") != "DENY" {
				t.Errorf("%s, %s: %v", name, path, head)
			}
		}
	}
}

func TestOnlyReadingIsAllowed(t *testing.T) {
	t.Parallel()
	h := build()
	if r := ask(h, "POST", "/"); r.StatusCode != http.StatusMethodNotAllowed || r.Header.Get("Allow") != "GET, HEAD" {
		t.Errorf("POST: %d %v", r.StatusCode, r.Header)
	}
	if r := ask(h, "HEAD", "/nodes"); r.StatusCode != http.StatusOK || text(t, r) != "" {
		t.Errorf("HEAD: %d", r.StatusCode)
	}
}

func TestWithoutABuildThePageSaysHowToMakeOne(t *testing.T) {
	t.Parallel()
	r := ask(handler(fstest.MapFS{".gitkeep": {}}), "GET", "/nodes")
	if body := text(t, r); r.StatusCode != http.StatusServiceUnavailable || !strings.Contains(body, "make web") || r.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%d %v\n%s", r.StatusCode, r.Header, body)
	}
}

// What is embedded is what runs in browsers: a build that grew beyond its budget, or lost its entry, fails here.
func TestTheEmbeddedBuildIsWholeAndSmall(t *testing.T) {
	t.Parallel()
	c, ok := Handler().(console)
	if !ok || c[index] == nil {
		t.Skip("the console is not built; make web")
	}
	const budget = 350_000
	packed := 0
	for name, f := range c {
		if strings.HasSuffix(name, ".js") {
			packed += len(f.packed)
			if !strings.Contains(string(c[index].plain), name) && strings.Contains(name, "index-") {
				t.Errorf("index.html does not load %s", name)
			}
		}
	}
	if packed == 0 || packed > budget {
		t.Errorf("%d bytes of packed JavaScript, want 1 to %d", packed, budget)
	}
}
