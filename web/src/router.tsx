import type { QueryClient } from '@tanstack/react-query'
import { createRootRouteWithContext, createRoute, createRouter, lazyRouteComponent, Outlet, redirect } from '@tanstack/react-router'
import { SetupPage } from './account/SetupPage'
import { comeBack } from './account/methods'
import { SignInPage } from './account/SignInPage'
import { meQuery } from './api/queries'
import { isRefusal } from './api/refusal'
import { OverviewPage } from './overview/OverviewPage'
import { NotFound, Broken } from './shell/Lost'
import { only, parseSearch, stringifySearch } from './shell/search'
import { Shell } from './shell/Shell'

const screens: (() => Promise<unknown> | undefined)[] = []

// page is a screen in a file of its own, fetched when it is opened or, before that, by preloadScreens.
const page: typeof lazyRouteComponent = (...args) => {
  const screen = lazyRouteComponent(...args)
  screens.push(() => screen.preload?.())
  return screen
}

// preloadScreens fetches every screen: one that is opened when the manager is gone could not be fetched any more.
export const preloadScreens = async (): Promise<void> => {
  for (const fetch of screens) await fetch()
}

const root = createRootRouteWithContext<{ queries: QueryClient }>()({
  validateSearch: only('cluster'),
  component: Outlet,
})

const setup = createRoute({ getParentRoute: () => root, path: '/setup', component: SetupPage })

export const signInRoute = createRoute({
  getParentRoute: () => root,
  path: '/sign-in',
  validateSearch: only('from', 'sign_in', 'provider'),
  component: SignInPage,
})

const shell = createRoute({
  getParentRoute: () => root,
  id: 'shell',
  beforeLoad: async ({ context, location }) => {
    // A sign-in by another site comes back to “/”: with the reason when it was refused, else with a session.
    const back = only('sign_in', 'provider')(location.search)
    if (location.pathname === '/' && back.sign_in) {
      const from = comeBack()
      throw redirect({ to: '/sign-in', search: { ...back, ...(from && { from }) }, replace: true })
    }
    try {
      await context.queries.ensureQueryData(meQuery)
    } catch (e) {
      if (isRefusal(e, 401)) throw redirect({ to: '/sign-in', search: { from: location.href } })
      throw e
    }
    const from = location.pathname === '/' ? comeBack() : undefined
    if (from) throw redirect({ href: from, replace: true })
  },
  component: Shell,
  errorComponent: Broken,
})

export const overviewRoute = createRoute({ getParentRoute: () => shell, path: '/', component: OverviewPage })
const start = createRoute({ getParentRoute: () => shell, path: '/start', component: page(() => import('./start/FirstRunPage'), 'FirstRunPage') })
export const nodesRoute = createRoute({
  getParentRoute: () => shell,
  path: '/nodes',
  validateSearch: only('state', 'pool', 'zone', 'version', 'drift', 'q', 'sort', 'ended'),
  component: page(() => import('./nodes/NodesPage'), 'NodesPage'),
})
export const nodeRoute = createRoute({ getParentRoute: () => shell, path: '/nodes/$id', component: page(() => import('./nodes/NodePage'), 'NodePage') })
export const activityRoute = createRoute({
  getParentRoute: () => shell,
  path: '/activity',
  validateSearch: only('show', 'action', 'code', 'q', 'last'),
  component: page(() => import('./activity/ActivityPage'), 'ActivityPage'),
})
export const whyNotRoute = createRoute({
  getParentRoute: () => shell,
  path: '/activity/why-not',
  validateSearch: only('action', 'at'),
  component: page(() => import('./activity/WhyNotPage'), 'WhyNotPage'),
})
export const conditionsRoute = createRoute({
  getParentRoute: () => shell,
  path: '/conditions',
  validateSearch: only('show', 'kind'),
  component: page(() => import('./conditions/ConditionsPage'), 'ConditionsPage'),
})
export const decisionRoute = createRoute({ getParentRoute: () => shell, path: '/activity/$id', component: page(() => import('./activity/DecisionPage'), 'DecisionPage') })
export const transfersRoute = createRoute({
  getParentRoute: () => shell,
  path: '/transfers',
  validateSearch: only('state', 'direction', 'node', 'access_key', 'q'),
  component: page(() => import('./transfers/TransfersPage'), 'TransfersPage'),
})
export const transferRoute = createRoute({ getParentRoute: () => shell, path: '/transfers/$id', component: page(() => import('./transfers/TransferPage'), 'TransferPage') })

export const keysRoute = createRoute({
  getParentRoute: () => shell,
  path: '/keys',
  validateSearch: only('q', 'show'),
  component: page(() => import('./keys/KeysPage'), 'KeysPage'),
})
const newKey = createRoute({ getParentRoute: () => shell, path: '/keys/new', component: page(() => import('./keys/NewKeyPage'), 'NewKeyPage') })
export const keyRoute = createRoute({ getParentRoute: () => shell, path: '/keys/$id', component: page(() => import('./keys/KeyPage'), 'KeyPage') })

const settings = createRoute({ getParentRoute: () => shell, path: '/settings', component: page(() => import('./settings/SettingsPage'), 'SettingsPage') })
const general = createRoute({ getParentRoute: () => settings, path: '/', component: page(() => import('./settings/GeneralPage'), 'GeneralPage') })
const account = createRoute({ getParentRoute: () => settings, path: '/account', component: page(() => import('./settings/AccountPage'), 'AccountPage') })
const users = createRoute({ getParentRoute: () => settings, path: '/users', component: page(() => import('./settings/UsersPage'), 'UsersPage') })
const tokens = createRoute({ getParentRoute: () => settings, path: '/tokens', component: page(() => import('./settings/TokensPage'), 'TokensPage') })
const sessions = createRoute({ getParentRoute: () => settings, path: '/sessions', component: page(() => import('./settings/SessionsPage'), 'SessionsPage') })
const notifications = createRoute({ getParentRoute: () => settings, path: '/notifications', component: page(() => import('./settings/NotificationsPage'), 'NotificationsPage') })
const logs = createRoute({ getParentRoute: () => settings, path: '/logs', component: page(() => import('./settings/LogLevelsPage'), 'LogLevelsPage') })
const providers = createRoute({ getParentRoute: () => settings, path: '/sign-in', component: page(() => import('./settings/ProvidersPage'), 'ProvidersPage') })
export const newProviderRoute = createRoute({
  getParentRoute: () => settings,
  path: '/sign-in/new',
  validateSearch: only('kind'),
  component: page(() => import('./settings/NewProviderPage'), 'NewProviderPage'),
})
export const providerRoute = createRoute({ getParentRoute: () => settings, path: '/sign-in/$name', component: page(() => import('./settings/ProviderPage'), 'ProviderPage') })
export const auditRoute = createRoute({
  getParentRoute: () => settings,
  path: '/audit',
  validateSearch: only('actor', 'object', 'object_id', 'q', 'last'),
  component: page(() => import('./settings/AuditPage'), 'AuditPage'),
})

const clusters = createRoute({ getParentRoute: () => shell, path: '/clusters', component: page(() => import('./clusters/ClustersPage'), 'ClustersPage') })
export const newClusterRoute = createRoute({
  getParentRoute: () => shell,
  path: '/clusters/new',
  validateSearch: only('template'),
  component: page(() => import('./clusters/NewClusterPage'), 'NewClusterPage'),
})
export const clusterRoute = createRoute({ getParentRoute: () => shell, path: '/clusters/$name', component: page(() => import('./clusters/ClusterPage'), 'ClusterPage') })
export const policyRoute = createRoute({
  getParentRoute: () => shell,
  path: '/clusters/$name/policy',
  validateSearch: only('from', 'to'),
  component: page(() => import('./policy/PolicyPage'), 'PolicyPage'),
})
export const configurationRoute = createRoute({
  getParentRoute: () => shell,
  path: '/clusters/$name/configuration',
  component: page(() => import('./configuration/ConfigurationPage'), 'ConfigurationPage'),
})
const templates = createRoute({ getParentRoute: () => shell, path: '/templates', component: page(() => import('./templates/TemplatesPage'), 'TemplatesPage') })
const newTemplate = createRoute({ getParentRoute: () => shell, path: '/templates/new', component: page(() => import('./templates/NewTemplatePage'), 'NewTemplatePage') })
export const templateRoute = createRoute({ getParentRoute: () => shell, path: '/templates/$name', component: page(() => import('./templates/TemplatePage'), 'TemplatePage') })

// What is at no other address, with the frame around it: from here one goes on.
const nowhere = createRoute({ getParentRoute: () => shell, path: '$', component: NotFound })

const tree = root.addChildren([
  setup,
  signInRoute,
  shell.addChildren([
    overviewRoute,
    start,
    clusters,
    newClusterRoute,
    clusterRoute,
    policyRoute,
    configurationRoute,
    nodesRoute,
    nodeRoute,
    activityRoute,
    whyNotRoute,
    conditionsRoute,
    decisionRoute,
    transfersRoute,
    transferRoute,
    keysRoute,
    newKey,
    keyRoute,
    settings.addChildren([general, account, users, providers, newProviderRoute, providerRoute, sessions, tokens, notifications, logs, auditRoute]),
    templates,
    newTemplate,
    templateRoute,
    nowhere,
  ]),
])

export const makeRouter = (queries: QueryClient) =>
  createRouter({ routeTree: tree, context: { queries }, parseSearch, stringifySearch, defaultPreload: false, scrollRestoration: true })

declare module '@tanstack/react-router' {
  interface Register {
    router: ReturnType<typeof makeRouter>
  }
}
