import { plural } from '../format/format'

// verdict is the overview in a few words, and whether all is well. Where no node runs that is what is said: there is
// nobody to be healthy, be it that the cluster is new or that its nodes have just died.
export function verdict(healthy: boolean, running: number, stale: boolean): { well: boolean; text: string } {
  if (healthy && !running) return { well: false, text: stale ? 'No node ran' : 'No node runs' }
  const words = healthy ? (stale ? 'Was healthy' : 'Healthy') : stale ? 'Was troubled' : 'Needs a look'
  return { well: healthy, text: `${words} · ${plural(running, 'node')}` }
}
