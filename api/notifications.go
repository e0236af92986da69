package api

import (
	"net/http"
	"time"
)

// Notification is where the beginning and the end of conditions are told: a webhook or an e-mail.
type Notification struct {
	ID        string             `json:"id"`
	Name      string             `json:"name"`
	Kind      string             `json:"kind" enum:"webhook,email"`
	Enabled   bool               `json:"enabled" doc:"What happens while it is off is never told."`
	Target    NotificationTarget `json:"target"`
	HasSecret bool               `json:"has_secret" doc:"A webhook always has one; e-mail when the mail server wants a password."`
	Filter    NotificationFilter `json:"filter"`
	State     string             `json:"state" enum:"idle,ok,failing,off" doc:"idle: nothing was sent yet."`
	Waiting   int                `json:"waiting" doc:"Deliveries to be sent, or to be tried again."`
	Failed    int                `json:"failed" doc:"Deliveries given up after three days; retry sends them again."`
	LastSent  *time.Time         `json:"last_sent_at,omitempty"`
	Failing   *time.Time         `json:"failing_since,omitempty"`
	LastError string             `json:"last_error,omitempty" doc:"Why the last attempt failed."`
	Version   int64              `json:"version"`
	CreatedAt time.Time          `json:"created_at"`
	UpdatedAt time.Time          `json:"updated_at"`
}

// NotificationTarget is where a notification goes: url for a webhook, the rest for e-mail.
type NotificationTarget struct {
	URL      string   `json:"url,omitempty" maxLength:"2000" doc:"https://host/path; gets a POST signed by the Standard Webhooks specification."`
	Host     string   `json:"host,omitempty" maxLength:"253" doc:"The mail server."`
	Port     int      `json:"port,omitempty" minimum:"0" maximum:"65535" doc:"0: 587, with tls 465, with none 25."`
	Security string   `json:"security,omitempty" enum:"starttls,tls,none" doc:"none carries no password."`
	Username string   `json:"username,omitempty" maxLength:"256"`
	From     string   `json:"from,omitempty" maxLength:"320"`
	To       []string `json:"to,omitempty" maxItems:"50"`
}

// NotificationFilter says which conditions are told. Empty lists match all.
type NotificationFilter struct {
	Events   []string `json:"events,omitempty" nullable:"false" maxItems:"2" enum:"opened,closed"`
	Kinds    []string `json:"kinds,omitempty" nullable:"false" maxItems:"64" doc:"Kinds of conditions, as list-conditions shows them."`
	Clusters []string `json:"clusters,omitempty" nullable:"false" maxItems:"1000" doc:"Ids or names."`
	AfterS   int      `json:"after_s,omitempty" minimum:"0" maximum:"86400" doc:"Told once a condition has lasted so long, in seconds; one that is over before is not told at all."`
}

// NotificationCreate adds a notification.
type NotificationCreate struct {
	Name    string              `json:"name" minLength:"1" maxLength:"64"`
	Kind    string              `json:"kind" enum:"webhook,email"`
	Enabled *bool               `json:"enabled,omitempty" doc:"Left out: true."`
	Target  NotificationTarget  `json:"target"`
	Secret  string              `json:"secret,omitempty" maxLength:"512" doc:"Webhook: key of the signatures (whsec_…), made when left out. E-mail: the mail account's password."`
	Filter  *NotificationFilter `json:"filter,omitempty"`
}

// NotificationUpdate changes a notification; what is left out stays. target and filter are replaced whole.
type NotificationUpdate struct {
	Name    *string             `json:"name,omitempty" minLength:"1" maxLength:"64"`
	Enabled *bool               `json:"enabled,omitempty"`
	Target  *NotificationTarget `json:"target,omitempty"`
	Secret  *string             `json:"secret,omitempty" maxLength:"512" doc:"Replaces the stored one; empty removes a mail account's password."`
	Filter  *NotificationFilter `json:"filter,omitempty"`
}

// NotificationCreated is the one answer that holds a webhook's key.
type NotificationCreated struct {
	Notification
	Secret string `json:"secret,omitempty" doc:"Key of the signatures. Shown this once: give it to the receiver."`
}

// NotificationTest is how an attempt went.
type NotificationTest struct {
	Sent  bool   `json:"sent"`
	Error string `json:"error,omitempty" doc:"Why not."`
}

// NotificationRetry says how much is sent again.
type NotificationRetry struct {
	Queued int64 `json:"queued"`
}

// Delivery is one piece of news on its way to a notification's target.
type Delivery struct {
	ID        string         `json:"id" doc:"A webhook gets it as webhook-id, the same in every attempt."`
	Event     string         `json:"event" enum:"condition.opened,condition.closed,test"`
	State     string         `json:"state" enum:"waiting,sent,failed,dropped" doc:"dropped: the condition was over before it was to be told."`
	Attempts  int            `json:"attempts"`
	CreatedAt time.Time      `json:"created_at"`
	NextAt    *time.Time     `json:"next_at,omitempty" doc:"Of the next attempt, while it waits."`
	DoneAt    *time.Time     `json:"done_at,omitempty"`
	LastError string         `json:"last_error,omitempty"`
	Message   map[string]any `json:"message" doc:"What is told."`
}

type notificationsIn struct{ Paging }

type notificationIn struct {
	ID string `path:"notification" maxLength:"64" doc:"Id or name."`
}

type notificationCreateIn struct{ Body NotificationCreate }

type notificationUpdateIn struct {
	ID      string `path:"notification" maxLength:"64" doc:"Id or name."`
	IfMatch string `header:"If-Match" required:"true" maxLength:"64" doc:"ETag of the version that the change was made from."`
	Body    NotificationUpdate
}

type deliveriesIn struct {
	ID    string `path:"notification" maxLength:"64" doc:"Id or name."`
	State string `query:"state" enum:"waiting,sent,failed,dropped" doc:"Left out, all."`
	Paging
}

func (s *Server) notificationRoutes() {
	const tag, one = "Notifications", "/notifications/{notification}"
	notFound := []int{http.StatusNotFound}
	register(s, operation{id: "list-notifications", method: get, path: "/notifications", tag: tag, role: RoleAdmin,
		summary: "List where conditions are told"}, s.listNotifications)
	register(s, operation{id: "create-notification", method: post, path: "/notifications", tag: tag, role: RoleAdmin, status: http.StatusCreated,
		summary: "Tell conditions to a webhook or by e-mail", errors: []int{http.StatusConflict}}, s.createNotification)
	register(s, operation{id: "get-notification", method: get, path: one, tag: tag, role: RoleAdmin,
		summary: "Get a notification and how sending goes", errors: notFound}, s.getNotification)
	register(s, operation{id: "update-notification", method: patch, path: one, tag: tag, role: RoleAdmin,
		summary: "Change a notification", errors: []int{http.StatusNotFound, http.StatusConflict}}, s.updateNotification)
	register(s, operation{id: "delete-notification", method: del, path: one, tag: tag, role: RoleAdmin, status: http.StatusNoContent,
		summary: "Delete a notification with what waits to be sent", errors: notFound}, s.deleteNotification)
	register(s, operation{id: "test-notification", method: post, path: one + "/test", tag: tag, role: RoleAdmin,
		summary: "Send a test now and say how it went", errors: notFound}, s.testNotification)
	register(s, operation{id: "retry-notification", method: post, path: one + "/retry", tag: tag, role: RoleAdmin,
		summary: "Send at once what waits, and again what was given up", errors: notFound}, s.retryNotification)
	register(s, operation{id: "list-deliveries", method: get, path: one + "/deliveries", tag: tag, role: RoleAdmin,
		summary: "List what was and is to be sent, newest first", errors: notFound}, s.listDeliveries)
}
