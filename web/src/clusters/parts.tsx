import { Link } from '@tanstack/react-router'
import type { Cluster } from '../api/types'
import { plural } from '../format/format'
import s from './clusters.module.css'
import { share, verdict, type Verdict } from './health'

export function Tag({ verdict: v }: { verdict: Pick<Verdict, 'word' | 'tone' | 'text'> }) {
  return (
    <span className={s.tag} data-tone={v.tone} title={v.text}>
      {v.word}
    </span>
  )
}

export const ClusterTag = ({ cluster }: { cluster: Cluster }) => <Tag verdict={verdict(cluster)} />

// Share is a cluster's nodes as one bar; its label says the numbers.
export function Share({ nodes }: { nodes: Cluster['nodes'] }) {
  const parts = share(nodes)
  const text = parts.map((p) => `${p.n} ${p.key === 'none' ? 'not running' : p.key}`).join(', ') || 'no nodes'
  return (
    <div className={s.share} role="img" aria-label={`${plural(nodes.total, 'node')}: ${text}`} title={text}>
      {parts.map((p) => (
        <i key={p.key} style={{ flexGrow: p.n, background: `var(--pool-${p.key})` }} />
      ))}
    </div>
  )
}

// ClusterTabs lead between a cluster's screens.
export function ClusterTabs({ name }: { name: string }) {
  return (
    <nav className={s.tabs} aria-label={`Cluster ${name}`}>
      <Link to="/clusters/$name" params={{ name }} activeOptions={{ exact: true, includeSearch: false }}>
        Overview
      </Link>
      <Link to="/clusters/$name/policy" params={{ name }} activeOptions={{ includeSearch: false }}>
        Policy
      </Link>
      <Link to="/clusters/$name/configuration" params={{ name }} activeOptions={{ includeSearch: false }}>
        Configuration
      </Link>
      <Link to="/nodes" search={{ cluster: name }}>
        Nodes
      </Link>
      <Link to="/activity" search={{ cluster: name }}>
        Activity
      </Link>
    </nav>
  )
}
