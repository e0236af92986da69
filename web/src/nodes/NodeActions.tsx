import { Button, Menu, Modal, TextInput } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { client } from '../api/client'
import { meQuery } from '../api/queries'
import { answer } from '../api/refusal'
import type { Node } from '../api/types'
import { Same } from '../ui/Copy'
import { Trouble } from '../ui/Trouble'
import { actionsFor, type NodeAction } from './actions'
import s from './nodes.module.css'

// NodeActions offers what can be done to a node; viewers see none.
export function NodeActions({ node, compact }: { node: Node; compact?: boolean }) {
  const { data: me } = useQuery(meQuery)
  const [asked, setAsked] = useState<NodeAction>()
  const actions = actionsFor(node)
  if (!me || me.role === 'viewer' || actions.length === 0) return null
  return (
    <>
      {compact ? (
        <Menu position="bottom-end" withinPortal>
          <Menu.Target>
            <button type="button" className={s.menu} aria-label={`Actions on ${node.name}`}>
              ⋯
            </button>
          </Menu.Target>
          <Menu.Dropdown>
            {actions.map((a) => (
              <Menu.Item key={a.name} color={a.danger ? 'red' : ''} onClick={() => setAsked(a)}>
                {a.label}…
              </Menu.Item>
            ))}
          </Menu.Dropdown>
        </Menu>
      ) : (
        actions.map((a) => (
          <Button key={a.name} size="xs" variant="default" c={a.danger ? 'var(--bad)' : undefined} onClick={() => setAsked(a)}>
            {a.label}…
          </Button>
        ))
      )}
      {asked ? <Confirm node={node} action={actions.find((a) => a.name === asked.name) ?? asked} onClose={() => setAsked(undefined)} /> : null}
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

function Confirm({ node, action: a, onClose }: { node: Node; action: NodeAction; onClose: () => void }) {
  const [reason, setReason] = useState('')
  const queries = useQueryClient()
  const act = useMutation({
    mutationFn: () => call(node.id, a, reason.trim()),
    onSuccess: async () => {
      onClose()
      await Promise.all(['node', 'nodes', 'node-events'].map((k) => queries.invalidateQueries({ queryKey: [k] })))
    },
  })
  return (
    <Modal opened onClose={onClose} title={<strong>{a.title}</strong>}>
      <ul className={s.consequence}>
        {a.consequences.map((c) => (
          <li key={c}>{c}</li>
        ))}
      </ul>
      {a.name === 'undrain' ? null : (
        <TextInput label="Reason" description="Kept with the node’s life and in the audit." maxLength={500} value={reason} onChange={(e) => setReason(e.currentTarget.value)} mb="md" />
      )}
      <Trouble error={act.error} what={`${node.name} was not changed`} />
      <div className="row" style={{ justifyContent: 'flex-end', margin: '12px 0' }}>
        <Button variant="default" onClick={onClose}>
          Leave it
        </Button>
        <Button color={a.danger ? 'red' : ''} loading={act.isPending} onClick={() => act.mutate()}>
          {a.label} {node.name}
        </Button>
      </div>
      <Same command={`godwit node ${a.name} ${node.name}${a.force ? ' --force' : ''}`} />
    </Modal>
  )
}
