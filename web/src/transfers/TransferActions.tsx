import { Button, Modal, NativeSelect, TextInput } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState, type FormEvent } from 'react'
import { client } from '../api/client'
import { meQuery } from '../api/queries'
import { answer } from '../api/refusal'
import type { Transfer } from '../api/types'
import { parseRate, rate, size } from '../format/format'
import { Same } from '../ui/Copy'
import { Trouble } from '../ui/Trouble'
import { ended } from './progress'

type RatePolicy = NonNullable<Transfer['policy']>

const policies: { value: RatePolicy; label: string }[] = [
  { value: 'fixed', label: 'fixed: holds its rate whatever the path says' },
  { value: 'high', label: 'high: takes more than its share' },
  { value: 'fair', label: 'fair: shares evenly with others' },
  { value: 'low', label: 'low: takes only what others leave' },
]

export function TransferActions({ transfer: t }: { transfer: Transfer }) {
  const { data: me } = useQuery(meQuery)
  const [open, setOpen] = useState<'rate' | 'cancel'>()
  if (!me || me.role === 'viewer' || ended(t.state)) return null
  const close = () => setOpen(undefined)
  return (
    <>
      <Button size="xs" variant="default" onClick={() => setOpen('rate')}>
        Rate and policy…
      </Button>
      <Button size="xs" variant="default" c="var(--bad)" onClick={() => setOpen('cancel')}>
        Cancel…
      </Button>
      {open === 'rate' ? <RateForm transfer={t} onClose={close} /> : null}
      {open === 'cancel' ? <CancelForm transfer={t} onClose={close} /> : null}
    </>
  )
}

function useRefresh() {
  const queries = useQueryClient()
  return () => Promise.all(['transfer', 'transfers', 'live-transfers'].map((k) => queries.invalidateQueries({ queryKey: [k] })))
}

function RateForm({ transfer: t, onClose }: { transfer: Transfer; onClose: () => void }) {
  const [text, setText] = useState(t.target_bps ? rate(t.target_bps) : '')
  const [policy, setPolicy] = useState<RatePolicy>(t.policy ?? 'fair')
  const refresh = useRefresh()
  const bps = parseRate(text)
  const save = useMutation({
    mutationFn: () => answer(client.PATCH('/api/v1/transfers/{transfer}', { params: { path: { transfer: t.id } }, body: { target_rate_bps: bps, policy } })),
    onSuccess: async () => {
      onClose()
      await refresh()
    },
  })
  const submit = (e: FormEvent) => {
    e.preventDefault()
    if (!Number.isNaN(bps)) save.mutate()
  }
  return (
    <Modal opened onClose={onClose} title={<strong>Rate and policy of {t.name || t.id}</strong>}>
      <form onSubmit={submit} style={{ display: 'grid', gap: 12 }}>
        <TextInput
          label="Target rate"
          description="Bits per second, such as 500M or 1.2G. Empty: as fast as the path and limits allow."
          value={text}
          onChange={(e) => setText(e.currentTarget.value)}
          error={Number.isNaN(bps) ? 'is not a rate: write a number and k, M or G' : undefined}
        />
        <NativeSelect label="Sharing with other traffic" data={policies} value={policy} onChange={(e) => setPolicy(e.currentTarget.value as RatePolicy)} />
        <p className="dim">It takes effect at once; nothing is interrupted.</p>
        <Trouble error={save.error} what="The transfer was not changed" />
        <div className="row" style={{ justifyContent: 'flex-end' }}>
          <Button variant="default" onClick={onClose}>
            Leave it
          </Button>
          <Button type="submit" loading={save.isPending} disabled={Number.isNaN(bps)}>
            Change
          </Button>
        </div>
        <Same command={`godwit transfer set ${t.id} --rate ${Number.isNaN(bps) ? 0 : bps} --policy ${policy}`} />
      </form>
    </Modal>
  )
}

function CancelForm({ transfer: t, onClose }: { transfer: Transfer; onClose: () => void }) {
  const refresh = useRefresh()
  const cancel = useMutation({
    mutationFn: () => answer(client.POST('/api/v1/transfers/{transfer}/cancel', { params: { path: { transfer: t.id } } })),
    onSuccess: async () => {
      onClose()
      await refresh()
    },
  })
  return (
    <Modal opened onClose={onClose} title={<strong>Cancel {t.name || t.id}?</strong>}>
      <p style={{ marginBottom: 12, color: 'var(--ink-2)' }}>
        Its client stops now and its token is worth nothing from then on. Files that are complete stay; of the others,{' '}
        {size(t.bytes)} so far, a new transfer of the same files goes on where this one stopped.
      </p>
      <Trouble error={cancel.error} what="The transfer was not cancelled" />
      <div className="row" style={{ justifyContent: 'flex-end', margin: '12px 0' }}>
        <Button variant="default" onClick={onClose}>
          Let it run
        </Button>
        <Button color="red" loading={cancel.isPending} onClick={() => cancel.mutate()}>
          Cancel the transfer
        </Button>
      </div>
      <Same command={`godwit transfer cancel ${t.id}`} />
    </Modal>
  )
}
