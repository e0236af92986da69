package main

import "net/http"

// console is the browser console; nil while this build has none.
func console() http.Handler { return nil }
