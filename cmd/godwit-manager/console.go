package main

import (
	"net/http"

	"github.com/godwit/godwit/web"
)

// console is the browser console.
func console() http.Handler { return web.Handler() }
