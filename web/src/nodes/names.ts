import { useQuery } from '@tanstack/react-query'
import { useCallback, useEffect, useRef, useState } from 'react'
import { nodesQuery } from '../api/queries'

// withNames puts nodes' names where a text speaks of them by id, as reasons do.
export function withNames(text: string, nodes: readonly { id: string; name: string }[] | undefined): string {
  if (!nodes || !/[0-9a-z]{26}/.test(text)) return text
  return text.replace(/\b[0-9a-z]{26}\b/g, (id) => nodes.find((n) => n.id === id)?.name ?? id)
}

// useNames is withNames for the nodes that exist now. They are read once a text speaks of one.
export function useNames(): (text: string) => string {
  const spoken = useRef(false)
  const [wanted, setWanted] = useState(false)
  const { data } = useQuery({ ...nodesQuery({}), staleTime: 30_000, enabled: wanted })
  useEffect(() => {
    if (spoken.current) setWanted(true)
  })
  return useCallback(
    (text) => {
      spoken.current ||= /\b[0-9a-z]{26}\b/.test(text)
      return withNames(text, data)
    },
    [data],
  )
}
