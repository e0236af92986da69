import { Button, TextInput } from '@mantine/core'
import { useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { useMay } from '../account/may'
import { client } from '../api/client'
import { answer } from '../api/refusal'
import type { Node } from '../api/types'
import { Confirm } from '../ui/Confirm'
import { Menu } from '../ui/Menu'
import { actionsFor, type NodeAction } from './actions'

// NodeActions offers what can be done to a node; viewers see none.
export function NodeActions({ node, compact }: { node: Node; compact?: boolean }) {
  const may = useMay('operator')
  const [asked, setAsked] = useState<NodeAction>()
  const actions = actionsFor(node)
  if (!may || actions.length === 0) return null
  return (
    <>
      {compact ? (
        <Menu label={`Actions on ${node.name}`} items={actions.map((a) => ({ key: a.name, label: `${a.label}…`, danger: a.danger, onPick: () => setAsked(a) }))} />
      ) : (
        actions.map((a) => (
          <Button key={a.name} size="xs" variant="default" c={a.danger ? 'var(--bad)' : undefined} onClick={() => setAsked(a)}>
            {a.label}…
          </Button>
        ))
      )}
      {asked ? <Asked node={node} action={actions.find((a) => a.name === asked.name) ?? asked} onClose={() => setAsked(undefined)} /> : null}
    </>
  )
}

function call(id: string, a: NodeAction, reason: string) {
  const params = { path: { node: id } }
  const body = reason ? { reason } : {}
  switch (a.name) {
    case 'drain':
      return answer(client.POST('/api/v1/nodes/{node}/drain', { params, body }))
    case 'undrain':
      return answer(client.POST('/api/v1/nodes/{node}/undrain', { params }))
    case 'terminate':
      return answer(client.POST('/api/v1/nodes/{node}/terminate', { params, body: { ...body, ...(a.force && { force: true }) } }))
  }
}

function Asked({ node, action: a, onClose }: { node: Node; action: NodeAction; onClose: () => void }) {
  const [reason, setReason] = useState('')
  const queries = useQueryClient()
  return (
    <Confirm
      title={a.title}
      consequences={a.consequences}
      label={`${a.label} ${node.name}`}
      danger={a.danger}
      command={`godwit node ${a.force ? 'terminate --force' : a.name} ${node.name}`}
      failed={`${node.name} was not changed`}
      act={() => call(node.id, a, reason.trim())}
      onDone={() => Promise.all(['node', 'nodes', 'node-events'].map((k) => queries.invalidateQueries({ queryKey: [k] })))}
      onClose={onClose}
    >
      {a.name === 'undrain' ? null : (
        <TextInput label="Reason" description="Kept with the node’s life and in the audit." maxLength={500} value={reason} onChange={(e) => setReason(e.currentTarget.value)} />
      )}
    </Confirm>
  )
}
