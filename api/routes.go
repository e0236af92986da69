package api

import "net/http"

const (
	get   = http.MethodGet
	post  = http.MethodPost
	put   = http.MethodPut
	patch = http.MethodPatch
	del   = http.MethodDelete
)

func (s *Server) routes() {
	s.accountRoutes()
	s.signInRoutes()
	s.clusterRoutes()
	s.configurationRoutes()
	s.certificateRoutes()
	s.linkRoutes()
	s.rolloutRoutes()
	s.nodePartRoutes()
	s.notificationRoutes()
	s.logLevelRoutes()
	s.templateRoutes()
	s.nodeRoutes()
	s.decisionRoutes()
	s.conditionRoutes()
	s.foresightRoutes()
	s.transferRoutes()
	s.keyRoutes()
	s.overviewRoutes()
}
