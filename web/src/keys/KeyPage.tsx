import { Button, Modal, Skeleton } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useState, type FormEvent } from 'react'
import { useMay } from '../account/may'
import { client } from '../api/client'
import { transfersPageQuery } from '../api/queries'
import { useReread } from '../api/reread'
import { answer, isRefusal, Refusal, type Tagged } from '../api/refusal'
import type { AccessKey } from '../api/types'
import { absolute } from '../format/format'
import { keyRoute } from '../router'
import { keep, useCluster } from '../shell/cluster'
import { NotFound } from '../shell/Lost'
import { TransferTable } from '../transfers/TransferTable'
import { Ago } from '../ui/Ago'
import { Id, Same } from '../ui/Copy'
import form from '../ui/form.module.css'
import { Empty, Facts, Page, Panel } from '../ui/Page'
import { Trouble } from '../ui/Trouble'
import { KeyFields } from './KeyFields'
import s from './keys.module.css'
import { limits, may as mayDo, Use } from './KeysPage'
import { keyQuery } from './queries'
import { Revoke, Rotate } from './Secrets'
import { faults, field, limitsOf, wishOf, type Wish } from './wish'

const rereadMs = 5_000

export function KeyPage() {
  const { id } = keyRoute.useParams()
  const cluster = useCluster()
  const may = useMay('admin')
  const [open, setOpen] = useState<'edit' | 'rotate' | 'revoke'>()
  const { data, error, refetch } = useQuery(keyQuery(id))
  useReread(refetch, rereadMs, !open)
  if (isRefusal(error, 404)) return <NotFound />
  if (!data) {
    return (
      <Page title="Access key" name="Access key">
        <Trouble error={error} what="The access key cannot be read" />
        {error ? null : <Skeleton height={260} />}
      </Page>
    )
  }
  const k = data.data
  const close = () => setOpen(undefined)
  return (
    <Page
      title={k.name}
      name={k.name}
      lead={
        k.revoked_at ? (
          <>
            Revoked <Ago at={k.revoked_at} />: nobody signs in with it any more.
          </>
        ) : (
          'An access key: one tenant, one place for files.'
        )
      }
      actions={
        may && k.state === 'active' ? (
          <>
            <Button size="xs" variant="default" onClick={() => setOpen('edit')}>
              Edit…
            </Button>
            <Button size="xs" variant="default" onClick={() => setOpen('rotate')}>
              New secret…
            </Button>
            <Button size="xs" variant="default" c="var(--bad)" onClick={() => setOpen('revoke')}>
              Revoke…
            </Button>
          </>
        ) : null
      }
    >
      <div className={s.two}>
        <Panel title="The tenant">
          <Facts
            rows={[
              ['Id', <Id key="i" value={k.id} />],
              ['Files', <span key="f"><span className="dim">{k.storage.type}</span> <code>{k.storage.path}</code></span>],
              ['May', mayDo(k.permissions)],
              ['Limit', limits(k)],
            ]}
          />
        </Panel>
        <Panel title="Use">
          <Facts
            rows={[
              ['Now', <Use key="u" k={k} />],
              ['Last used', k.last_used_at ? <Ago key="l" at={k.last_used_at} /> : 'never'],
              ['Made', absolute(k.created_at)],
              ['Revoked', k.revoked_at ? absolute(k.revoked_at) : null],
            ]}
          />
        </Panel>
      </div>
      <Transfers id={k.id} cluster={cluster} />
      <Same command={`godwit transfer list --key ${k.id}`} />
      {open === 'edit' ? <Edit base={data} onClose={close} /> : null}
      {open === 'rotate' ? <Rotate accessKey={k} onClose={close} /> : null}
      {open === 'revoke' ? <Revoke accessKey={k} onClose={close} /> : null}
    </Page>
  )
}

function Transfers({ id, cluster }: { id: string; cluster: string | undefined }) {
  const { data, error } = useQuery({ ...transfersPageQuery({ access_key: id, cluster }), refetchInterval: rereadMs })
  return (
    <Panel
      title="Its latest transfers"
      flush
      aside={
        <Link to="/transfers" search={{ ...keep(cluster), access_key: id }}>
          all of them
        </Link>
      }
    >
      <Trouble error={error} what="Its transfers cannot be read" healed={!!data} />
      {data?.items.length ? <TransferTable transfers={data.items} /> : data ? <Empty title="It has not moved anything yet" /> : null}
    </Panel>
  )
}

function Edit({ base, onClose }: { base: Tagged<AccessKey>; onClose: () => void }) {
  const [wish, setWish] = useState<Wish>(wishOf(base.data))
  const queries = useQueryClient()
  const id = base.data.id
  const save = useMutation({
    mutationFn: () =>
      answer(
        client.PATCH('/api/v1/access-keys/{key}', {
          params: { path: { key: id }, header: { 'If-Match': base.etag } },
          body: { name: wish.name.trim(), limits: limitsOf(wish), permissions: wish.permissions },
        }),
      ),
    onSuccess: async () => {
      onClose()
      await Promise.all([queries.invalidateQueries({ queryKey: ['access-key', id] }), queries.invalidateQueries({ queryKey: ['access-keys'] })])
    },
  })
  const wrong: Partial<Record<keyof Wish, string | undefined>> = { ...faults(wish) }
  const bad = Object.keys(wrong).length > 0
  if (save.error instanceof Refusal) for (const f of save.error.fields) wrong[field(f.location) ?? 'name'] ??= f.message
  const submit = (e: FormEvent) => {
    e.preventDefault()
    if (!bad) save.mutate()
  }
  return (
    <Modal opened onClose={onClose} title={<strong>Edit {base.data.name}</strong>} size="lg">
      <form onSubmit={submit} className={form.fields} noValidate>
        <KeyFields wish={wish} onWish={setWish} wrong={wrong} />
        <p className="dim">Limits hold at once, for running transfers too. Where the files are cannot change: that would be another tenant.</p>
        <Trouble error={save.error} what="The access key was not changed" />
        <div className={form.buttons}>
          <Button variant="default" onClick={onClose}>
            Leave it
          </Button>
          <Button type="submit" loading={save.isPending} disabled={bad}>
            Change
          </Button>
        </div>
      </form>
    </Modal>
  )
}
