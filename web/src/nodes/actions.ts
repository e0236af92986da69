// What an operator can do to a node in its state, and what that does to whom.
import type { Node } from '../api/types'
import { plural } from '../format/format'

export type ActionName = 'drain' | 'undrain' | 'terminate'

export interface NodeAction {
  name: ActionName
  label: string
  title: string
  consequences: string[]
  danger: boolean
  force: boolean // sessions would be interrupted
}

const over = new Set(['terminating', 'terminated'])

export function actionsFor(n: Pick<Node, 'name' | 'state' | 'sessions'>): NodeAction[] {
  const out: NodeAction[] = []
  const busy = n.sessions > 0
  if (n.state === 'running') {
    out.push({
      name: 'drain',
      label: 'Drain',
      title: `Drain ${n.name}?`,
      consequences: [
        busy ? `Its ${plural(n.sessions, 'session')} are asked to move to other nodes; those that cannot may finish until the drain deadline.` : 'It serves nobody, so it ends at once.',
        'It takes no new clients. The policy launches another node if too few remain available.',
        'You can un-drain it as long as it has not ended.',
      ],
      danger: false,
      force: false,
    })
  }
  if (n.state === 'draining') {
    out.push({
      name: 'undrain',
      label: 'Un-drain',
      title: `Let ${n.name} serve again?`,
      consequences: ['It takes new clients again at once.', 'The policy may decide to drain it later if it is not needed.'],
      danger: false,
      force: false,
    })
  }
  if (!over.has(n.state)) {
    out.push({
      name: 'terminate',
      label: 'Terminate',
      title: `Terminate ${n.name}?`,
      consequences: [
        busy
          ? `${plural(n.sessions, 'session')} ${n.sessions === 1 ? 'is' : 'are'} cut off now. Their clients resume on another node and send again only what was not yet safe there.`
          : 'It serves nobody: no transfer is interrupted.',
        'The instance is ended for good and its certificate revoked. This cannot be undone.',
        'The policy launches another node if too few remain.',
      ],
      danger: true,
      force: busy,
    })
  }
  return out
}
