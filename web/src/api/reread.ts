import { useEffect } from 'react'

// useReread reads a query again every so often although events change it in between: a query's own refetchInterval
// begins anew with each change, and under steady events would never come due. Nothing is read in a hidden tab.
export function useReread(refetch: () => Promise<unknown>, ms: number, enabled = true): void {
  useEffect(() => {
    if (!enabled) return
    const timer = setInterval(() => {
      if (!document.hidden) void refetch()
    }, ms)
    return () => clearInterval(timer)
  }, [refetch, ms, enabled])
}
