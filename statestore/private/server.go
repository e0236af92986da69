package private

import "context"

type Server struct{}

func Start(ctx context.Context, c Config) (*Server, error) { return nil, nil }
func (s *Server) URL() string                              { return "" }
func (s *Server) Stop() error                              { return nil }
