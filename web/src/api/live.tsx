import { useQueryClient, type QueryClient } from '@tanstack/react-query'
import { createContext, useContext, useEffect, useState, type ReactNode } from 'react'
import { nodesAfter, overviewAfter, transfersAfter, updateKnown } from './merge'
import type { NodeFilter, TransferFilter } from './queries'
import { follow, type Events, type Topic } from './stream'
import type { DecisionEvent, Node, Overview, Transfer } from './types'

interface Live {
  up: boolean // the stream stands: what is shown is now
  downSince: number | undefined
}

export const LiveContext = createContext<Live>({ up: true, downSince: undefined })
export const useLive = () => useContext(LiveContext)

const decisionReaders = new Set<(e: DecisionEvent) => void>()

// useDecisions calls f with every decision that is made while the component is mounted. f must be stable.
export function useDecisions(f: (e: DecisionEvent) => void): void {
  useEffect(() => {
    decisionReaders.add(f)
    return () => void decisionReaders.delete(f)
  }, [f])
}

// topicsOf says what a path's screen shows.
export function topicsOf(path: string): Topic[] {
  if (path === '/') return ['overview', 'decisions']
  if (path.startsWith('/nodes')) return ['nodes', 'decisions']
  if (path.startsWith('/transfers')) return ['transfers', 'decisions']
  if (path.startsWith('/start')) return ['nodes', 'transfers', 'decisions']
  return ['decisions']
}

// LiveProvider keeps one event stream for the screen and folds its events into what the queries hold.
export function LiveProvider({ path, children }: { path: string; children: ReactNode }) {
  const queries = useQueryClient()
  const [live, setLive] = useState<Live>({ up: true, downSince: undefined })
  const topics = topicsOf(path).join(',')
  useEffect(
    () =>
      follow(topics.split(',') as Topic[], {
        on: (kind, data) => apply(queries, kind, data),
        reset: () => void queries.invalidateQueries({ predicate: (q) => q.queryKey[0] !== 'me' }),
        link: (up) => setLive((l) => (l.up === up ? l : { up, downSince: up ? undefined : Date.now() })),
      }),
    [queries, topics],
  )
  return <LiveContext.Provider value={live}>{children}</LiveContext.Provider>
}

const inCluster = (wanted: string | undefined, c: { id: string; name: string }) => !wanted || c.id === wanted || c.name === wanted

export function apply<K extends keyof Events>(queries: QueryClient, kind: K, data: Events[K]): void {
  switch (kind) {
    case 'overview': {
      const e = data as Events['overview']
      for (const [key, o] of queries.getQueriesData<Overview>({ queryKey: ['overview'] })) {
        if (o) queries.setQueryData(key, overviewAfter(o, e, (key[1] as string) || undefined))
      }
      return
    }
    case 'nodes': {
      const e = data as Events['nodes']
      for (const [key, list] of queries.getQueriesData<Node[]>({ queryKey: ['nodes'] })) {
        const f = key[1] as NodeFilter
        if (list) queries.setQueryData(key, nodesAfter(list, e, (n) => !f.q && inCluster(f.cluster, n.cluster)))
      }
      for (const n of e.nodes) {
        queries.setQueryData<Node>(['node', n.id], (old) => (old ? ({ ...n, history: n.history ?? old.history } as Node) : old))
      }
      return
    }
    case 'transfers': {
      const changed = (data as Events['transfers']).transfers
      for (const [key, page] of queries.getQueriesData<{ items: Transfer[] }>({ queryKey: ['live-transfers'] })) {
        if (page) queries.setQueryData(key, { ...page, items: transfersAfter(page.items, changed, (t) => matches(key[1] as TransferFilter, t)) })
      }
      for (const [key, all] of queries.getQueriesData<{ pages: { items: Transfer[] }[]; pageParams: unknown[] }>({ queryKey: ['transfers'] })) {
        if (all) queries.setQueryData(key, { ...all, pages: all.pages.map((p) => ({ ...p, items: updateKnown(p.items, changed) })) })
      }
      return
    }
    case 'decision':
      for (const f of decisionReaders) f(data as DecisionEvent)
  }
}

// matches tells whether a transfer that an event brings belongs in a filtered list.
export function matches(f: TransferFilter, t: Transfer): boolean {
  return (
    inCluster(f.cluster, t.cluster) &&
    (!f.state || f.state.split(',').includes(t.state)) &&
    (!f.direction || f.direction === t.direction) &&
    (!f.node || t.nodes.some((n) => n.id === f.node)) &&
    (!f.access_key || f.access_key === t.access_key) &&
    (!f.q || t.id.includes(f.q) || (t.name ?? '').toLowerCase().includes(f.q.toLowerCase()))
  )
}
