import { useQueries, useQuery } from '@tanstack/react-query'
import { client } from '../api/client'
import { clustersQuery } from '../api/queries'
import { answer } from '../api/refusal'

const none: ReadonlyMap<string, string[]> = new Map()

// useDrift tells by node in which fields of its template it differs from the version in force.
export function useDrift(cluster: string | undefined): ReadonlyMap<string, string[]> {
  const { data: clusters } = useQuery(clustersQuery)
  const templates = [...new Set((clusters?.items ?? []).filter((c) => !cluster || c.name === cluster || c.id === cluster).map((c) => c.template.name))]
  return useQueries({
    queries: templates.map((template) => ({
      queryKey: ['template-diff', template, 'null'],
      queryFn: ({ signal }: { signal: AbortSignal }) => answer(client.POST('/api/v1/templates/{template}/diff', { params: { path: { template } }, body: {}, signal })),
      refetchInterval: 30_000,
      retry: false,
    })),
    combine: (all) => {
      const found = all.flatMap((r) => r.data?.nodes ?? []).filter((n) => n.drift.length > 0 && (!cluster || n.cluster.name === cluster || n.cluster.id === cluster))
      return found.length ? new Map(found.map((n) => [n.id, n.drift])) : none
    },
  })
}
