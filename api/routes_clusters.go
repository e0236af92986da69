package api

import (
	"net/http"
	"time"
)

type clustersIn struct{ Paging }

type templatesIn struct{ Paging }

type clusterIn struct {
	Cluster string `path:"cluster" maxLength:"64" doc:"Id or name."`
}

type clusterCreateIn struct{ Body ClusterCreate }

type clusterPatchIn struct {
	Cluster string `path:"cluster" maxLength:"64" doc:"Id or name."`
	IfMatch string `header:"If-Match" required:"true" maxLength:"64" doc:"ETag of the version that the change was made from."`
	Body    ClusterPatch
}

type scaleIn struct {
	Cluster string `path:"cluster" maxLength:"64" doc:"Id or name."`
	Body    ScaleRequest
}

type policyPutIn struct {
	Cluster string `path:"cluster" maxLength:"64" doc:"Id or name."`
	IfMatch string `header:"If-Match" required:"true" maxLength:"64" doc:"ETag of the version that the change was made from."`
	Body    PolicyChange
}

type policyVersionIn struct {
	Cluster string `path:"cluster" maxLength:"64" doc:"Id or name."`
	Version int64  `path:"version" minimum:"1"`
}

type policyVersionsIn struct {
	Cluster string `path:"cluster" maxLength:"64" doc:"Id or name."`
	Paging
}

type policyPreviewIn struct {
	Cluster string `path:"cluster" maxLength:"64" doc:"Id or name."`
	Whole   bool   `query:"whole" doc:"Fields left out take their defaults, as put-policy does, instead of staying."`
	Body    PolicyChange
}

func (s *Server) clusterRoutes() {
	const tag, policies = "Clusters", "Policies"
	notFound := []int{http.StatusNotFound}
	register(s, operation{id: "list-clusters", method: get, path: "/clusters", tag: tag, role: RoleViewer,
		summary: "List clusters"}, s.listClusters)
	register(s, operation{id: "create-cluster", method: post, path: "/clusters", tag: tag, role: RoleAdmin, status: http.StatusCreated,
		summary: "Make a cluster; its nodes are launched at once", errors: []int{http.StatusNotFound, http.StatusConflict}}, s.createCluster)
	register(s, operation{id: "get-cluster", method: get, path: "/clusters/{cluster}", tag: tag, role: RoleViewer,
		summary: "Get a cluster", errors: notFound}, s.getCluster)
	register(s, operation{id: "patch-cluster", method: patch, path: "/clusters/{cluster}", tag: tag, role: RoleAdmin,
		summary: "Rename a cluster, or give it another template; fields left out stay",
		errors:  []int{http.StatusNotFound, http.StatusConflict, http.StatusPreconditionFailed}}, s.patchCluster)
	register(s, operation{id: "delete-cluster", method: del, path: "/clusters/{cluster}", tag: tag, role: RoleAdmin, status: http.StatusAccepted,
		summary: "Drain all nodes; the cluster goes with the last one", errors: notFound}, s.deleteCluster)
	register(s, operation{id: "pause-cluster", method: post, path: "/clusters/{cluster}/pause", tag: tag, role: RoleOperator,
		summary: "Stop acting: decisions are still made and recorded, nothing is changed", errors: notFound}, s.pauseCluster)
	register(s, operation{id: "resume-cluster", method: post, path: "/clusters/{cluster}/resume", tag: tag, role: RoleOperator,
		summary: "Act on decisions again", errors: notFound}, s.resumeCluster)
	register(s, operation{id: "scale-cluster", method: post, path: "/clusters/{cluster}/scale", tag: tag, role: RoleOperator,
		summary: "Fix the number of nodes, or give it back to the policy", errors: notFound}, s.scaleCluster)

	register(s, operation{id: "get-policy", method: get, path: "/clusters/{cluster}/policy", tag: policies, role: RoleViewer,
		summary: "Get the policy in force", errors: notFound}, s.getPolicy)
	register(s, operation{id: "put-policy", method: put, path: "/clusters/{cluster}/policy", tag: policies, role: RoleOperator,
		summary: "Replace the policy by a new version; fields left out take their defaults",
		errors:  []int{http.StatusNotFound, http.StatusPreconditionFailed}}, s.putPolicy)
	register(s, operation{id: "patch-policy", method: patch, path: "/clusters/{cluster}/policy", tag: policies, role: RoleOperator,
		summary: "Change some fields of the policy; fields left out stay",
		errors:  []int{http.StatusNotFound, http.StatusPreconditionFailed}}, s.patchPolicy)
	register(s, operation{id: "preview-policy", method: post, path: "/clusters/{cluster}/policy/preview", tag: policies, role: RoleViewer, pure: true,
		summary: "What would be decided now, if the policy were changed so? Fields left out stay", errors: notFound}, s.previewPolicy)
	register(s, operation{id: "list-policy-versions", method: get, path: "/clusters/{cluster}/policy/versions", tag: policies, role: RoleViewer,
		summary: "List the versions of a policy, newest first", errors: notFound}, s.listPolicyVersions)
	register(s, operation{id: "get-policy-version", method: get, path: "/clusters/{cluster}/policy/versions/{version}", tag: policies, role: RoleViewer,
		summary: "Get one version of a policy", errors: notFound}, s.getPolicyVersion)
	register(s, operation{id: "revert-policy", method: post, path: "/clusters/{cluster}/policy/revert", tag: policies, role: RoleOperator,
		summary: "Go back to an earlier version of the policy, which becomes a new one",
		errors:  []int{http.StatusNotFound, http.StatusPreconditionFailed}}, s.revertPolicy)
	register(s, operation{id: "diff-policies", method: get, path: "/clusters/{cluster}/policy/diff", tag: policies, role: RoleViewer,
		summary: "What changed between two versions of a policy", errors: notFound}, s.diffPolicies)
	register(s, operation{id: "get-schedule", method: get, path: "/clusters/{cluster}/schedule", tag: policies, role: RoleViewer,
		summary: "Which minima the schedules will have in force when, and what about them is likely not meant", errors: notFound}, s.getSchedule)
}

type templateIn struct {
	Template string `path:"template" maxLength:"64" doc:"Id or name."`
}

type templateCreateIn struct{ Body TemplateCreate }

type templatePutIn struct {
	Template string `path:"template" maxLength:"64" doc:"Id or name."`
	IfMatch  string `header:"If-Match" required:"true" maxLength:"64" doc:"ETag of the version that the change was made from."`
	Body     TemplateUpdate
}

type templateCheckIn struct{ Body TemplateCheck }

type templateVersionsIn struct {
	Template string `path:"template" maxLength:"64" doc:"Id or name."`
	Paging
}

type templateVersionIn struct {
	Template string `path:"template" maxLength:"64" doc:"Id or name."`
	Version  int64  `path:"version" minimum:"1"`
}

type templateDuplicateIn struct {
	Template string `path:"template" maxLength:"64" doc:"Id or name."`
	Body     TemplateDuplicate
}

type templateDiffIn struct {
	Template string `path:"template" maxLength:"64" doc:"Id or name."`
	Body     TemplateDiffRequest
}

type templateLaunchIn struct {
	Template string `path:"template" maxLength:"64" doc:"Id or name."`
	Body     TemplateLaunch
}

func (s *Server) templateRoutes() {
	const tag = "Templates"
	register(s, operation{id: "list-templates", method: get, path: "/templates", tag: tag, role: RoleViewer,
		summary: "List templates"}, s.listTemplates)
	register(s, operation{id: "create-template", method: post, path: "/templates", tag: tag, role: RoleAdmin, status: http.StatusCreated,
		summary: "Add a template", errors: []int{http.StatusConflict}}, s.createTemplate)
	register(s, operation{id: "validate-template", method: post, path: "/templates/validate", tag: tag, role: RoleOperator, pure: true,
		summary: "Would this template be accepted? Nothing is stored or launched"}, s.validateTemplate)
	register(s, operation{id: "get-template", method: get, path: "/templates/{template}", tag: tag, role: RoleViewer,
		summary: "Get a template", errors: []int{http.StatusNotFound}}, s.getTemplate)
	register(s, operation{id: "put-template", method: put, path: "/templates/{template}", tag: tag, role: RoleAdmin,
		summary: "Replace a template's specification; running nodes keep theirs",
		errors:  []int{http.StatusNotFound, http.StatusPreconditionFailed}}, s.putTemplate)
	register(s, operation{id: "delete-template", method: del, path: "/templates/{template}", tag: tag, role: RoleAdmin, status: http.StatusNoContent,
		summary: "Delete a template that no cluster uses", errors: []int{http.StatusNotFound, http.StatusConflict}}, s.deleteTemplate)
	register(s, operation{id: "list-template-versions", method: get, path: "/templates/{template}/versions", tag: tag, role: RoleViewer,
		summary: "List a template's versions, newest first", errors: []int{http.StatusNotFound}}, s.listTemplateVersions)
	register(s, operation{id: "get-template-version", method: get, path: "/templates/{template}/versions/{version}", tag: tag, role: RoleViewer,
		summary: "Get one version of a template", errors: []int{http.StatusNotFound}}, s.getTemplateVersion)
	register(s, operation{id: "duplicate-template", method: post, path: "/templates/{template}/duplicate", tag: tag, role: RoleAdmin, status: http.StatusCreated,
		summary: "Copy a template under another name", errors: []int{http.StatusNotFound, http.StatusConflict}}, s.duplicateTemplate)
	register(s, operation{id: "diff-template", method: post, path: "/templates/{template}/diff", tag: tag, role: RoleViewer, pure: true,
		summary: "What would a change mean for the nodes that run? Nothing is changed", errors: []int{http.StatusNotFound}}, s.diffTemplate)
	register(s, operation{id: "launch-template", method: post, path: "/templates/{template}/launch", tag: tag, role: RoleAdmin, status: http.StatusCreated,
		summary: "Make a cluster from a template; its nodes are launched at once", errors: []int{http.StatusNotFound, http.StatusConflict}}, s.launchTemplate)
}

type decisionsIn struct {
	Cluster string    `query:"cluster" maxLength:"64" doc:"Id or name; left out, all."`
	Changes bool      `query:"changes" doc:"Only decisions that changed something: kind=act."`
	Kind    string    `query:"kind" enum:"noop,act" doc:"noop: nothing was done."`
	Code    string    `query:"code" maxLength:"64" doc:"Code of one of the reasons, such as max_reached."`
	Action  string    `query:"action" maxLength:"32" doc:"Kind of one of the actions, such as launch or drain."`
	Text    string    `query:"q" maxLength:"200" doc:"Words of the reasons; each may be cut short."`
	From    time.Time `query:"from" doc:"Decisions that held at this time or later."`
	To      time.Time `query:"to" doc:"Decisions that were made before this time."`
	Paging
}

type decisionIn struct {
	ID string `path:"decision" maxLength:"64"`
}

func (s *Server) decisionRoutes() {
	const tag = "Decisions"
	register(s, operation{id: "list-decisions", method: get, path: "/decisions", tag: tag, role: RoleViewer,
		summary: "List decisions with their reasons, newest first", errors: []int{http.StatusNotFound}}, s.listDecisions)
	register(s, operation{id: "get-decision", method: get, path: "/decisions/{decision}", tag: tag, role: RoleViewer,
		summary: "Get a decision with the state it was made from", errors: []int{http.StatusNotFound}}, s.getDecision)
	register(s, operation{id: "why-not", method: get, path: "/decisions/why-not", tag: tag, role: RoleViewer,
		summary: "Why was nothing launched, drained … at some time?", errors: []int{http.StatusNotFound}}, s.whyNot)
	register(s, operation{id: "replay-decision", method: post, path: "/decisions/{decision}/replay", tag: tag, role: RoleViewer, pure: true,
		summary: "Make a decision again from its stored state, as it was or under another policy; nothing is changed",
		errors:  []int{http.StatusNotFound, http.StatusConflict}}, s.replayDecision)
}
