// Package web is the browser console: a static build of React and TypeScript that this package embeds and serves. The
// console speaks the public API and nothing else, so that whatever it can do, a script can.
//
// The build lies in dist and is not committed; without it Go builds all the same, and [Handler] serves a page that says
// how to make it.
package web

import (
	"embed"
	"io/fs"
	"net/http"
)

//go:generate npm run --silent generate
//go:embed all:dist
var dist embed.FS

// Handler serves the console. Files under assets/ carry a hash in their name and are cached for good; every other path
// that is no file is a view of the console and gets index.html. It is safe for concurrent use.
func Handler() http.Handler {
	files, err := fs.Sub(dist, "dist")
	if err != nil {
		panic(err) // dist is a valid path
	}
	return handler(files)
}
