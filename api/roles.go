package api

// Role orders what a caller may do: each role includes those before it.
type Role string

// The roles, least first. RolePublic needs no sign-in.
const (
	RolePublic   Role = "public"
	RoleViewer   Role = "viewer"
	RoleOperator Role = "operator"
	RoleAdmin    Role = "admin"
)

func (r Role) rank() int {
	switch r {
	case RolePublic:
		return 0
	case RoleViewer:
		return 1
	case RoleOperator:
		return 2
	case RoleAdmin:
		return 3
	}
	return -1
}

// Includes reports whether a caller with role r may do what asks for want.
func (r Role) Includes(want Role) bool {
	return want.rank() >= 0 && r.rank() >= want.rank()
}
