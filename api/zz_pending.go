package api

import (
	"context"

	"github.com/danielgtaylor/huma/v2"
)

func (s *Server) getSetup(context.Context, *struct{}) (*body[Setup], error) {
	return nil, huma.Error501NotImplemented("getSetup")
}
func (s *Server) completeSetup(context.Context, *setupIn) (*signedIn, error) {
	return nil, huma.Error501NotImplemented("completeSetup")
}
func (s *Server) signIn(context.Context, *signInIn) (*signedIn, error) {
	return nil, huma.Error501NotImplemented("signIn")
}
func (s *Server) signOut(context.Context, *struct{}) (*signedOut, error) {
	return nil, huma.Error501NotImplemented("signOut")
}
func (s *Server) getMe(context.Context, *struct{}) (*body[Me], error) {
	return nil, huma.Error501NotImplemented("getMe")
}
func (s *Server) changePassword(context.Context, *passwordIn) (*empty, error) {
	return nil, huma.Error501NotImplemented("changePassword")
}
func (s *Server) listUsers(context.Context, *struct{}) (*body[Page[User]], error) {
	return nil, huma.Error501NotImplemented("listUsers")
}
func (s *Server) createUser(context.Context, *userCreateIn) (*body[User], error) {
	return nil, huma.Error501NotImplemented("createUser")
}
func (s *Server) updateUser(context.Context, *userUpdateIn) (*body[User], error) {
	return nil, huma.Error501NotImplemented("updateUser")
}
func (s *Server) deleteUser(context.Context, *userIn) (*empty, error) {
	return nil, huma.Error501NotImplemented("deleteUser")
}
func (s *Server) listTokens(context.Context, *struct{}) (*body[Page[APIToken]], error) {
	return nil, huma.Error501NotImplemented("listTokens")
}
func (s *Server) createToken(context.Context, *tokenCreateIn) (*body[APITokenCreated], error) {
	return nil, huma.Error501NotImplemented("createToken")
}
func (s *Server) deleteToken(context.Context, *tokenIn) (*empty, error) {
	return nil, huma.Error501NotImplemented("deleteToken")
}
func (s *Server) listClusters(context.Context, *struct{}) (*body[Page[Cluster]], error) {
	return nil, huma.Error501NotImplemented("listClusters")
}
func (s *Server) createCluster(context.Context, *clusterCreateIn) (*body[Cluster], error) {
	return nil, huma.Error501NotImplemented("createCluster")
}
func (s *Server) getCluster(context.Context, *clusterIn) (*body[Cluster], error) {
	return nil, huma.Error501NotImplemented("getCluster")
}
func (s *Server) deleteCluster(context.Context, *clusterIn) (*body[Cluster], error) {
	return nil, huma.Error501NotImplemented("deleteCluster")
}
func (s *Server) pauseCluster(context.Context, *clusterIn) (*body[Cluster], error) {
	return nil, huma.Error501NotImplemented("pauseCluster")
}
func (s *Server) resumeCluster(context.Context, *clusterIn) (*body[Cluster], error) {
	return nil, huma.Error501NotImplemented("resumeCluster")
}
func (s *Server) scaleCluster(context.Context, *scaleIn) (*body[Cluster], error) {
	return nil, huma.Error501NotImplemented("scaleCluster")
}
func (s *Server) getPolicy(context.Context, *clusterIn) (*tagged[PolicyVersion], error) {
	return nil, huma.Error501NotImplemented("getPolicy")
}
func (s *Server) putPolicy(context.Context, *policyPutIn) (*tagged[PolicyVersion], error) {
	return nil, huma.Error501NotImplemented("putPolicy")
}
func (s *Server) patchPolicy(context.Context, *policyPutIn) (*tagged[PolicyVersion], error) {
	return nil, huma.Error501NotImplemented("patchPolicy")
}
func (s *Server) previewPolicy(context.Context, *policyPreviewIn) (*body[PolicyPreview], error) {
	return nil, huma.Error501NotImplemented("previewPolicy")
}
func (s *Server) listPolicyVersions(context.Context, *policyVersionsIn) (*body[Page[PolicyVersion]], error) {
	return nil, huma.Error501NotImplemented("listPolicyVersions")
}
func (s *Server) getPolicyVersion(context.Context, *policyVersionIn) (*body[PolicyVersion], error) {
	return nil, huma.Error501NotImplemented("getPolicyVersion")
}
func (s *Server) listTemplates(context.Context, *struct{}) (*body[Page[Template]], error) {
	return nil, huma.Error501NotImplemented("listTemplates")
}
func (s *Server) createTemplate(context.Context, *templateCreateIn) (*tagged[Template], error) {
	return nil, huma.Error501NotImplemented("createTemplate")
}
func (s *Server) validateTemplate(context.Context, *templateCheckIn) (*body[TemplateVerdict], error) {
	return nil, huma.Error501NotImplemented("validateTemplate")
}
func (s *Server) getTemplate(context.Context, *templateIn) (*tagged[Template], error) {
	return nil, huma.Error501NotImplemented("getTemplate")
}
func (s *Server) putTemplate(context.Context, *templatePutIn) (*tagged[Template], error) {
	return nil, huma.Error501NotImplemented("putTemplate")
}
func (s *Server) deleteTemplate(context.Context, *templateIn) (*empty, error) {
	return nil, huma.Error501NotImplemented("deleteTemplate")
}
func (s *Server) listDecisions(context.Context, *decisionsIn) (*body[Page[Decision]], error) {
	return nil, huma.Error501NotImplemented("listDecisions")
}
func (s *Server) getDecision(context.Context, *decisionIn) (*body[DecisionDetail], error) {
	return nil, huma.Error501NotImplemented("getDecision")
}
func (s *Server) listNodes(context.Context, *nodesIn) (*body[Page[Node]], error) {
	return nil, huma.Error501NotImplemented("listNodes")
}
func (s *Server) getNode(context.Context, *nodeIn) (*body[Node], error) {
	return nil, huma.Error501NotImplemented("getNode")
}
func (s *Server) listNodeEvents(context.Context, *nodeEventsIn) (*body[Page[NodeEvent]], error) {
	return nil, huma.Error501NotImplemented("listNodeEvents")
}
func (s *Server) drainNode(context.Context, *drainIn) (*body[Node], error) {
	return nil, huma.Error501NotImplemented("drainNode")
}
func (s *Server) undrainNode(context.Context, *nodeIn) (*body[Node], error) {
	return nil, huma.Error501NotImplemented("undrainNode")
}
func (s *Server) terminateNode(context.Context, *terminateIn) (*body[Node], error) {
	return nil, huma.Error501NotImplemented("terminateNode")
}
func (s *Server) listTransfers(context.Context, *transfersIn) (*body[Page[Transfer]], error) {
	return nil, huma.Error501NotImplemented("listTransfers")
}
func (s *Server) createTransfer(context.Context, *transferCreateIn) (*body[TransferSpecs], error) {
	return nil, huma.Error501NotImplemented("createTransfer")
}
func (s *Server) createSpec(context.Context, *specIn) (*body[TransferSpecs], error) {
	return nil, huma.Error501NotImplemented("createSpec")
}
func (s *Server) getTransfer(context.Context, *transferIn) (*body[Transfer], error) {
	return nil, huma.Error501NotImplemented("getTransfer")
}
func (s *Server) cancelTransfer(context.Context, *transferIn) (*body[Transfer], error) {
	return nil, huma.Error501NotImplemented("cancelTransfer")
}
func (s *Server) updateTransfer(context.Context, *transferUpdateIn) (*body[Transfer], error) {
	return nil, huma.Error501NotImplemented("updateTransfer")
}
func (s *Server) listKeys(context.Context, *keysIn) (*body[Page[AccessKey]], error) {
	return nil, huma.Error501NotImplemented("listKeys")
}
func (s *Server) createKey(context.Context, *keyCreateIn) (*body[AccessKeySecret], error) {
	return nil, huma.Error501NotImplemented("createKey")
}
func (s *Server) getKey(context.Context, *keyIn) (*body[AccessKey], error) {
	return nil, huma.Error501NotImplemented("getKey")
}
func (s *Server) updateKey(context.Context, *keyUpdateIn) (*body[AccessKey], error) {
	return nil, huma.Error501NotImplemented("updateKey")
}
func (s *Server) rotateKey(context.Context, *rotateIn) (*body[AccessKeySecret], error) {
	return nil, huma.Error501NotImplemented("rotateKey")
}
func (s *Server) revokeKey(context.Context, *keyIn) (*empty, error) {
	return nil, huma.Error501NotImplemented("revokeKey")
}
func (s *Server) getOverview(context.Context, *overviewIn) (*body[Overview], error) {
	return nil, huma.Error501NotImplemented("getOverview")
}
func (s *Server) getSettings(context.Context, *struct{}) (*body[Settings], error) {
	return nil, huma.Error501NotImplemented("getSettings")
}
func (s *Server) updateSettings(context.Context, *settingsIn) (*body[Settings], error) {
	return nil, huma.Error501NotImplemented("updateSettings")
}
func (s *Server) listAudit(context.Context, *auditIn) (*body[Page[AuditEntry]], error) {
	return nil, huma.Error501NotImplemented("listAudit")
}
func (s *Server) streamEvents(context.Context, *eventsIn) (*huma.StreamResponse, error) {
	return nil, huma.Error501NotImplemented("streamEvents")
}
