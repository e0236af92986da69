import { useSearch } from '@tanstack/react-router'

// useCluster is the cluster that the URL names; undefined means all of them.
export function useCluster(): string | undefined {
  return useSearch({ from: '__root__' }).cluster
}

// keep carries the chosen cluster along a link.
export const keep = (cluster: string | undefined): { cluster?: string } => (cluster ? { cluster } : {})
