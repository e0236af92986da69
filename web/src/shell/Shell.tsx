import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Link, Outlet, useLocation, useNavigate } from '@tanstack/react-router'
import { useEffect, useState, type ReactNode } from 'react'
import { client } from '../api/client'
import { LiveProvider, useLive } from '../api/live'
import { clustersQuery, meQuery } from '../api/queries'
import { answer } from '../api/refusal'
import { preloadScreens } from '../router'
import { Ago } from '../ui/Ago'
import { Menu } from '../ui/Menu'
import { keep, useCluster } from './cluster'
import { ActivityIcon, ClustersIcon, KeysIcon, MoreIcon, NodesIcon, OverviewIcon, SettingsIcon, TemplatesIcon, TransfersIcon } from './icons'
import { KeysHelp, useKeys } from './Keys'
import { Mark } from './Mark'
import { SearchBox } from './SearchBox'
import s from './shell.module.css'

interface Screen {
  to: string
  name: string
  key: string
  Icon: () => ReactNode
  minor?: boolean // on a phone it is behind “More”
}

export const screens = [
  { to: '/', name: 'Overview', key: 'o', Icon: OverviewIcon },
  { to: '/clusters', name: 'Clusters', key: 'c', Icon: ClustersIcon, minor: true },
  { to: '/nodes', name: 'Nodes', key: 'n', Icon: NodesIcon },
  { to: '/activity', name: 'Activity', key: 'a', Icon: ActivityIcon },
  { to: '/transfers', name: 'Transfers', key: 't', Icon: TransfersIcon },
  { to: '/keys', name: 'Access keys', key: 'k', Icon: KeysIcon, minor: true },
  { to: '/templates', name: 'Templates', key: 'm', Icon: TemplatesIcon, minor: true },
  { to: '/settings', name: 'Settings', key: 's', Icon: SettingsIcon, minor: true },
] as const satisfies readonly Screen[]

// Shell is the frame of every screen: rail, cluster, search, and the stream that keeps all of it alive.
export function Shell() {
  const { pathname } = useLocation()
  const cluster = useCluster()
  const [help, setHelp] = useState(false)
  useKeys(() => setHelp(true))
  useEffect(() => {
    const soon = setTimeout(() => void preloadScreens(), 1_000)
    return () => clearTimeout(soon)
  }, [])
  return (
    <LiveProvider path={pathname}>
      <a href="#main" className={s.skip}>
        Skip to content
      </a>
      <div className={s.shell}>
        <nav className={s.rail} aria-label="Screens">
          <Link to="/" search={keep(cluster)} className={s.brand}>
            <Mark /> Godwit
          </Link>
          {screens.map(({ to, name, Icon, ...x }) => (
            <Link key={to} to={to} search={keep(cluster)} className={s.link} data-minor={'minor' in x ? 'yes' : undefined} activeOptions={{ exact: to === '/', includeSearch: false }}>
              <Icon /> {name}
            </Link>
          ))}
          <More cluster={cluster} />
          <Account onHelp={() => setHelp(true)} />
        </nav>
        <div style={{ minWidth: 0 }}>
          <header className={s.top}>
            <ClusterSwitcher />
            <SearchBox />
            <LinkState />
            <div className={s.pocket}>
              <Account onHelp={() => setHelp(true)} />
            </div>
          </header>
          <main id="main">
            <Outlet />
          </main>
        </div>
      </div>
      <KeysHelp opened={help} onClose={() => setHelp(false)} />
    </LiveProvider>
  )
}

// More holds, on a phone, the screens that the bar has no room for.
function More({ cluster }: { cluster: string | undefined }) {
  const navigate = useNavigate()
  return (
    <Menu
      label="More screens"
      className={s.more}
      trigger={
        <>
          <MoreIcon /> More
        </>
      }
      items={screens
        .filter((x) => 'minor' in x)
        .map(({ to, name, Icon }) => ({
          key: to,
          label: (
            <span className="row">
              <Icon /> {name}
            </span>
          ),
          onPick: () => void navigate({ to, search: keep(cluster) }),
        }))}
    />
  )
}

function ClusterSwitcher() {
  const cluster = useCluster()
  const { data } = useQuery(clustersQuery)
  const navigate = useNavigate()
  const items = data?.items ?? []
  if (items.length < 2 && !cluster) return items[0] ? <strong>{items[0].name}</strong> : null
  return (
    <select
      aria-label="Cluster"
      value={cluster ?? ''}
      onChange={(e) => {
        const next = e.currentTarget.value
        void navigate({ to: '.', search: (old: Record<string, unknown>) => ({ ...old, cluster: next || undefined }) as never })
      }}
    >
      <option value="">All clusters</option>
      {items.map((c) => (
        <option key={c.id} value={c.name}>
          {c.name}
        </option>
      ))}
    </select>
  )
}

function LinkState() {
  const { up, downSince } = useLive()
  if (up || !downSince) {
    return (
      <div className={s.up}>
        <i /> <span>live</span>
      </div>
    )
  }
  return (
    <div className={s.down} role="status">
      Connection lost <Ago at={new Date(downSince).toISOString()} />
    </div>
  )
}

function Account({ onHelp }: { onHelp: () => void }) {
  const { data: me } = useQuery(meQuery)
  const queries = useQueryClient()
  const navigate = useNavigate()
  const signOut = useMutation({
    mutationFn: () => answer(client.DELETE('/api/v1/sessions/current')),
    onSettled: async () => {
      await navigate({ to: '/sign-in', search: {} })
      queries.clear()
    },
  })
  return (
    <div className={s.foot}>
      <div className={s.who} title={me?.role}>
        <strong>{me?.name}</strong> <span className="dim">{me?.role}</span>
      </div>
      <button type="button" className={s.plain} onClick={onHelp}>
        Keys <span className="dim">?</span>
      </button>
      <button type="button" className={s.plain} onClick={() => signOut.mutate()}>
        Sign out
      </button>
    </div>
  )
}
