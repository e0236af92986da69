// The manager's server-sent events: one connection, opened for the topics that the screen shows.
import { client, sessionEnded } from './client'
import type { DecisionEvent, NodesEvent, OverviewEvent, TransfersEvent } from './types'

export type Topic = 'overview' | 'nodes' | 'transfers' | 'decisions'

export interface Events {
  overview: OverviewEvent
  nodes: NodesEvent
  transfers: TransfersEvent
  decision: DecisionEvent
}

export interface Handlers {
  on<K extends keyof Events>(kind: K, data: Events[K]): void
  // reset says that events were missed: what is shown must be read anew.
  reset(): void
  // link says whether the connection stands.
  link(up: boolean): void
}

const kinds: (keyof Events)[] = ['overview', 'nodes', 'transfers', 'decision']

// Wait between attempts once the browser itself has given up, as it does on an answer such as 503.
const retryMs = 3000

// follow keeps a stream open until the returned function is called.
export function follow(topics: readonly Topic[], h: Handlers): () => void {
  let source: EventSource | undefined
  let timer: ReturnType<typeof setTimeout> | undefined
  let closed = false
  let dropped = false

  const open = () => {
    source = new EventSource(`/api/v1/events?topics=${topics.join(',')}`)
    source.onopen = () => {
      h.link(true)
      if (dropped) h.reset() // the position was lost with the old connection
      dropped = false
    }
    source.onerror = () => {
      h.link(false)
      if (source?.readyState !== EventSource.CLOSED || closed) return
      dropped = true
      timer = setTimeout(retry, retryMs)
    }
    for (const kind of kinds) {
      source.addEventListener(kind, (e) => h.on(kind, JSON.parse((e as MessageEvent<string>).data)))
    }
    source.addEventListener('reset', () => h.reset())
  }

  const retry = async () => {
    const status = await client
      .GET('/api/v1/me')
      .then((a) => a.response.status)
      .catch(() => 0)
    if (closed) return
    if (status === 401) sessionEnded()
    else if (status === 200) open()
    else timer = setTimeout(retry, retryMs)
  }

  open()
  return () => {
    closed = true
    clearTimeout(timer)
    source?.close()
  }
}
