package api_test

var overviewExamples = map[string]func(*scene) ask{
	"get-overview":       func(*scene) ask { return ask{} },
	"stream-events":      func(*scene) ask { return ask{stream: true, headers: []header{with("Last-Event-ID", "missed-1")}} },
	"get-settings":       func(*scene) ask { return ask{} },
	"update-settings":    func(*scene) ask { return ask{body: `{"session_hours":8}`} },
	"rotate-signing-key": func(*scene) ask { return ask{} },
}
