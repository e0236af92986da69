// What the screens read. Each query's key begins with its noun, so that events and actions can find it.
import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query'
import { client } from './client'
import { answer } from './refusal'
import type { TransferState } from './types'

export const meQuery = queryOptions({
  queryKey: ['me'],
  queryFn: ({ signal }) => answer(client.GET('/api/v1/me', { signal })),
  staleTime: 60_000,
  retry: false,
})

export const setupQuery = queryOptions({
  queryKey: ['setup'],
  queryFn: ({ signal }) => answer(client.GET('/api/v1/setup', { signal })),
})

export const settingsQuery = queryOptions({
  queryKey: ['settings'],
  queryFn: ({ signal }) => answer(client.GET('/api/v1/settings', { signal })),
  staleTime: 300_000,
})

export const clustersQuery = queryOptions({
  queryKey: ['clusters'],
  queryFn: ({ signal }) => answer(client.GET('/api/v1/clusters', { params: { query: { limit: 500 } }, signal })),
  staleTime: 10_000,
})

// Events carry what moves; the rest is read again this often (see useReread).
export const rereadMs = { overview: 5_000, nodes: 30_000, node: 5_000, live: 5_000 }

export const overviewQuery = (cluster?: string) =>
  queryOptions({
    queryKey: ['overview', cluster ?? ''],
    queryFn: ({ signal }) => answer(client.GET('/api/v1/overview', { params: { query: cluster ? { cluster } : {} }, signal })),
    structuralSharing: false, // events replace what moved; comparing thousands of nodes with themselves makes the page deaf
  })

// The overview without its nodes: there first when there are thousands of them.
export const figuresQuery = (cluster?: string) =>
  queryOptions({
    queryKey: ['figures', cluster ?? ''],
    queryFn: ({ signal }) => answer(client.GET('/api/v1/overview', { params: { query: { nodes: false, ...(cluster && { cluster }) } }, signal })),
    gcTime: 0,
  })

export interface NodeFilter {
  cluster?: string | undefined
  q?: string | undefined
  ended?: boolean | undefined
  history?: boolean | undefined // for sparklines
}

export const nodesQuery = (f: NodeFilter) =>
  queryOptions({
    queryKey: ['nodes', f],
    queryFn: async ({ signal }) => {
      const items = []
      let cursor: string | undefined
      do {
        const page = await answer(
          client.GET('/api/v1/nodes', {
            params: { query: { limit: 500, ...(f.cluster && { cluster: f.cluster }), ...(f.q && { q: f.q }), ...(f.ended && { ended: true }), ...(f.history && { history: true }), ...(cursor && { cursor }) } },
            signal,
          }),
        )
        items.push(...page.items)
        cursor = page.next_cursor || undefined
      } while (cursor && items.length < 20_000)
      return items
    },
    structuralSharing: false,
  })

export const nodeQuery = (id: string) =>
  queryOptions({
    queryKey: ['node', id],
    queryFn: ({ signal }) => answer(client.GET('/api/v1/nodes/{node}', { params: { path: { node: id } }, signal })),
  })

export const nodeEventsQuery = (id: string) =>
  queryOptions({
    queryKey: ['node-events', id],
    queryFn: ({ signal }) =>
      answer(client.GET('/api/v1/nodes/{node}/events', { params: { path: { node: id }, query: { limit: 200 } }, signal })),
    refetchInterval: 10_000,
  })

export interface DecisionFilter {
  cluster?: string | undefined
  kind?: 'act' | 'noop' | undefined
  action?: string | undefined
  code?: string | undefined
  q?: string | undefined
  from?: string | undefined
}

export const decisionsQuery = (f: DecisionFilter) =>
  infiniteQueryOptions({
    queryKey: ['decisions', f],
    queryFn: ({ signal, pageParam }) =>
      answer(
        client.GET('/api/v1/decisions', {
          params: {
            query: {
              limit: 100,
              ...(f.cluster && { cluster: f.cluster }),
              ...(f.kind && { kind: f.kind }),
              ...(f.action && { action: f.action }),
              ...(f.code && { code: f.code }),
              ...(f.q && { q: f.q }),
              ...(f.from && { from: f.from }),
              ...(pageParam && { cursor: pageParam }),
            },
          },
          signal,
        }),
      ),
    initialPageParam: '',
    getNextPageParam: (last) => last.next_cursor || undefined,
    // Events bring what is new while one looks; whoever comes back begins with all of it.
    staleTime: Infinity,
    refetchOnMount: 'always',
  })

export const decisionQuery = (id: string) =>
  queryOptions({
    queryKey: ['decision', id],
    queryFn: ({ signal }) => answer(client.GET('/api/v1/decisions/{decision}', { params: { path: { decision: id } }, signal })),
  })

export interface TransferFilter {
  cluster?: string | undefined
  state?: string | undefined // comma-separated
  direction?: string | undefined
  node?: string | undefined
  access_key?: string | undefined
  q?: string | undefined
}

export const transferQueryOf = (f: TransferFilter) => ({
  ...(f.cluster && { cluster: f.cluster }),
  ...(f.state && { state: f.state.split(',') as TransferState[] }),
  ...((f.direction === 'push' || f.direction === 'pull') && { direction: f.direction as 'push' | 'pull' }),
  ...(f.node && { node: f.node }),
  ...(f.access_key && { access_key: f.access_key }),
  ...(f.q && { q: f.q }),
})

export const transfersQuery = (f: TransferFilter) =>
  infiniteQueryOptions({
    queryKey: ['transfers', f],
    queryFn: ({ signal, pageParam }) =>
      answer(client.GET('/api/v1/transfers', { params: { query: { limit: 100, ...transferQueryOf(f), ...(pageParam && { cursor: pageParam }) } }, signal })),
    initialPageParam: '',
    getNextPageParam: (last) => last.next_cursor || undefined,
  })

export const liveTransfersQuery = (f: TransferFilter) =>
  queryOptions({
    queryKey: ['live-transfers', f],
    queryFn: ({ signal }) => answer(client.GET('/api/v1/transfers', { params: { query: { limit: 500, live: true, ...transferQueryOf(f) } }, signal })),
  })

export const transferQuery = (id: string) =>
  queryOptions({
    queryKey: ['transfer', id],
    queryFn: ({ signal }) => answer(client.GET('/api/v1/transfers/{transfer}', { params: { path: { transfer: id } }, signal })),
    refetchInterval: (q) => (q.state.data?.live || ['created', 'running'].includes(q.state.data?.state ?? '') ? 2_000 : false),
  })

// transfersPageQuery is the newest few, without going on.
export const transfersPageQuery = (f: TransferFilter) =>
  queryOptions({
    queryKey: ['transfers-page', f],
    queryFn: ({ signal }) => answer(client.GET('/api/v1/transfers', { params: { query: { limit: 10, ...transferQueryOf(f) } }, signal })),
  })
