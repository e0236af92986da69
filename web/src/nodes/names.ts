import { useQuery } from '@tanstack/react-query'
import { useCallback } from 'react'
import { nodesQuery } from '../api/queries'

// withNames puts nodes' names where a text speaks of them by id, as reasons do.
export function withNames(text: string, nodes: readonly { id: string; name: string }[] | undefined): string {
  if (!nodes || !/[0-9a-z]{26}/.test(text)) return text
  return text.replace(/\b[0-9a-z]{26}\b/g, (id) => nodes.find((n) => n.id === id)?.name ?? id)
}

// useNames is withNames for the nodes that exist now.
export function useNames(): (text: string) => string {
  const { data } = useQuery({ ...nodesQuery({}), staleTime: 30_000 })
  return useCallback((text) => withNames(text, data), [data])
}
