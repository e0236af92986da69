// What would be decided now, asked of the manager while one types.
import { useDebouncedValue } from '@mantine/hooks'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { client } from '../api/client'
import { answer, Refusal } from '../api/refusal'
import type { Policy } from '../api/types'
import type { Doc } from './draft'

const waitMs = 300

const ask = (cluster: string, body: Doc, signal: AbortSignal) =>
  answer(client.POST('/api/v1/clusters/{cluster}/policy/preview', { params: { path: { cluster } }, body: body as Partial<Policy>, signal }))

// usePreview asks for the plan of the draft and that of the policy in force, so that they can be laid side by side.
export function usePreview(cluster: string, body: Doc) {
  const [asked] = useDebouncedValue(JSON.stringify(body), waitMs)
  const then = useQuery({
    queryKey: ['preview', cluster, asked],
    queryFn: ({ signal }) => ask(cluster, JSON.parse(asked) as Doc, signal),
    placeholderData: keepPreviousData,
    refetchInterval: 10_000,
    retry: false,
  })
  const now = useQuery({ queryKey: ['preview', cluster, '{}'], queryFn: ({ signal }) => ask(cluster, {}, signal), refetchInterval: 10_000, retry: false })
  return { now: now.data, then: then.data, error: then.error, waiting: then.isPlaceholderData || asked !== JSON.stringify(body) }
}

// faultsOf are a refusal's words by field of the policy.
export function faultsOf(e: unknown): (path: string) => string | undefined {
  if (!(e instanceof Refusal)) return () => undefined
  const by = new Map(e.fields.map((f) => [f.location.replace(/^body\.?/, ''), f.message]))
  return (path) => by.get(path)
}
