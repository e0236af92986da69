// A cluster's condition in one word, worst first.
import type { Cluster } from '../api/types'

export interface Verdict {
  word: string
  tone: 'good' | 'warn' | 'bad' | 'quiet'
  text: string
}

export function verdict(c: Pick<Cluster, 'deleting' | 'paused' | 'conditions' | 'nodes' | 'scale'>): Verdict {
  if (c.deleting) return { word: 'ending', tone: 'quiet', text: 'All nodes drain; it goes with the last one.' }
  const [first] = c.conditions
  if (first) return { word: 'needs a look', tone: 'bad', text: first.text }
  if (c.paused) return { word: 'paused', tone: 'warn', text: 'Decisions are made and recorded; nothing is changed.' }
  if (c.nodes.total > 0 && c.nodes.available === 0) return { word: 'full', tone: 'warn', text: 'No node takes new clients now.' }
  if (c.scale !== undefined) return { word: 'fixed', tone: 'warn', text: `An operator set it to ${c.scale} nodes; the policy only watches.` }
  return { word: 'healthy', tone: 'good', text: 'The policy decides.' }
}

const pools = ['idle', 'low', 'high', 'degraded'] as const

// share are the parts of a cluster's nodes: its running ones by pool, then everything else.
export function share(n: Cluster['nodes']): { key: string; n: number }[] {
  const running = pools.map((p) => ({ key: p as string, n: n.by_pool[p] ?? 0 }))
  const others = n.total - running.reduce((a, x) => a + x.n, 0)
  return [...running, { key: 'none', n: Math.max(0, others) }].filter((x) => x.n > 0)
}
