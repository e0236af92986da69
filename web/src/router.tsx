import type { QueryClient } from '@tanstack/react-query'
import { createRootRouteWithContext, createRoute, createRouter, Outlet, redirect } from '@tanstack/react-router'
import { SetupPage } from './account/SetupPage'
import { SignInPage } from './account/SignInPage'
import { ActivityPage } from './activity/ActivityPage'
import { DecisionPage } from './activity/DecisionPage'
import { meQuery } from './api/queries'
import { isRefusal } from './api/refusal'
import { NodePage } from './nodes/NodePage'
import { NodesPage } from './nodes/NodesPage'
import { OverviewPage } from './overview/OverviewPage'
import { NotFound, Broken } from './shell/Lost'
import { only, parseSearch, stringifySearch } from './shell/search'
import { Shell } from './shell/Shell'
import { FirstRunPage } from './start/FirstRunPage'
import { TransferPage } from './transfers/TransferPage'
import { TransfersPage } from './transfers/TransfersPage'

const root = createRootRouteWithContext<{ queries: QueryClient }>()({
  validateSearch: only('cluster'),
  component: Outlet,
  notFoundComponent: NotFound,
})

const setup = createRoute({ getParentRoute: () => root, path: '/setup', component: SetupPage })

export const signInRoute = createRoute({
  getParentRoute: () => root,
  path: '/sign-in',
  validateSearch: only('from'),
  component: SignInPage,
})

const shell = createRoute({
  getParentRoute: () => root,
  id: 'shell',
  beforeLoad: async ({ context, location }) => {
    try {
      await context.queries.ensureQueryData(meQuery)
    } catch (e) {
      if (isRefusal(e, 401)) throw redirect({ to: '/sign-in', search: { from: location.href } })
      throw e
    }
  },
  component: Shell,
  errorComponent: Broken,
})

export const overviewRoute = createRoute({ getParentRoute: () => shell, path: '/', component: OverviewPage })
const start = createRoute({ getParentRoute: () => shell, path: '/start', component: FirstRunPage })
export const nodesRoute = createRoute({
  getParentRoute: () => shell,
  path: '/nodes',
  validateSearch: only('state', 'pool', 'q', 'sort', 'ended'),
  component: NodesPage,
})
export const nodeRoute = createRoute({ getParentRoute: () => shell, path: '/nodes/$id', component: NodePage })
export const activityRoute = createRoute({
  getParentRoute: () => shell,
  path: '/activity',
  validateSearch: only('show'),
  component: ActivityPage,
})
export const decisionRoute = createRoute({ getParentRoute: () => shell, path: '/activity/$id', component: DecisionPage })
export const transfersRoute = createRoute({
  getParentRoute: () => shell,
  path: '/transfers',
  validateSearch: only('state', 'direction', 'node', 'access_key', 'q'),
  component: TransfersPage,
})
export const transferRoute = createRoute({ getParentRoute: () => shell, path: '/transfers/$id', component: TransferPage })

const tree = root.addChildren([
  setup,
  signInRoute,
  shell.addChildren([overviewRoute, start, nodesRoute, nodeRoute, activityRoute, decisionRoute, transfersRoute, transferRoute]),
])

export const makeRouter = (queries: QueryClient) =>
  createRouter({ routeTree: tree, context: { queries }, parseSearch, stringifySearch, defaultPreload: false, scrollRestoration: true })

declare module '@tanstack/react-router' {
  interface Register {
    router: ReturnType<typeof makeRouter>
  }
}
