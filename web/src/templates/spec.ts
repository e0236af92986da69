import { changes } from '../policy/draft'
import type { Line } from '../ui/Changes'

// What a template holds, section by section, for each provider that this console knows. Fields that it does not know
// stay as they are and are edited as JSON.

export type Spec = Record<string, unknown>

export interface SpecField {
  path: string
  label: string
  help: string
  kind: 'number' | 'text' | 'list' | 'pairs'
  unit?: string
  whole?: boolean
  placeholder?: string
}

export interface SpecSection {
  title: string
  fields: readonly SpecField[]
}

const caps: SpecSection = {
  title: 'What a node may do',
  fields: [
    { path: 'node.send_cap_mbps', label: 'Sends at most', help: 'To all clients together. Empty or 0: as fast as it can.', kind: 'number', unit: 'Mb/s' },
    { path: 'node.receive_cap_mbps', label: 'Receives at most', help: 'From all clients together. Empty or 0: as fast as it can.', kind: 'number', unit: 'Mb/s' },
    { path: 'node.session_rate_mbps', label: 'One session at most', help: 'Empty or 0: as fast as the path allows.', kind: 'number', unit: 'Mb/s' },
    { path: 'node.max_sessions', label: 'Sessions at most', help: 'Empty or 0: as many as the policy lets.', kind: 'number', whole: true },
  ],
}
const reporting = (usual: number): SpecSection => ({
  title: 'Reporting and tags',
  fields: [
    { path: 'report_interval_s', label: 'Reports every', help: `Shorter is livelier, longer is cheaper. ${usual} s if empty.`, kind: 'number', unit: 's', whole: true, placeholder: String(usual) },
    { path: 'tags', label: 'Tags', help: 'One per line, name=value.', kind: 'pairs' },
  ],
})

interface Known {
  says: string
  /** Without any the specification is edited as JSON. */
  sections: readonly SpecSection[]
  /** What a new template begins with, where there is no form that shows what to fill in. */
  start?: (here: readonly string[]) => Spec
}

const cloud = { instance_types: [''], subnets: [''] }
const known: Record<string, Known> = {
  local: {
    says: 'Nodes are processes beside the manager, on its machine.',
    sections: [
      caps,
      {
        title: 'Where clients reach it',
        fields: [
          { path: 'listen_host', label: 'Listens on', help: 'An address of this machine; 127.0.0.1 is for this machine alone.', kind: 'text', placeholder: '127.0.0.1' },
          { path: 'advertise_host', label: 'Clients are told', help: 'A name or address that leads here; what it listens on if empty.', kind: 'text' },
        ],
      },
      {
        title: 'What is launched',
        fields: [
          { path: 'program', label: 'Node program', help: 'A file in the directory that the manager was given for them (--local-programs), such as another version; the manager’s own if empty.', kind: 'text' },
        ],
      },
      reporting(2),
    ],
  },
  aws: {
    says: 'Nodes are instances of Amazon EC2.',
    sections: [
      {
        title: 'What is launched',
        fields: [
          { path: 'region', label: 'Region', help: 'One of those that the manager was started with; its first if empty.', kind: 'text', placeholder: 'eu-central-1' },
          { path: 'image', label: 'Image', help: 'An id. Or leave it empty and give a name.', kind: 'text', placeholder: 'ami-0123456789abcdef0' },
          { path: 'image_name', label: 'Newest image named', help: '* and ? match.', kind: 'text', placeholder: 'debian-12-amd64-*' },
          { path: 'image_owner', label: 'Of the owner', help: 'An account, self or amazon; self if empty.', kind: 'text', placeholder: 'self' },
          { path: 'instance_types', label: 'Instance types', help: 'One per line, the preferred first.', kind: 'list' },
          { path: 'spot_percent', label: 'Share of spot', help: 'Of the nodes. What spot refuses is launched on demand.', kind: 'number', unit: '%', whole: true },
          { path: 'instance_profile', label: 'Instance profile', help: "The nodes' own rights; none if empty.", kind: 'text' },
          { path: 'key_name', label: 'SSH key pair', help: 'None if empty.', kind: 'text' },
        ],
      },
      {
        title: 'Where it runs',
        fields: [
          { path: 'subnets', label: 'Subnets', help: 'One per line, of one VPC. Nodes are spread over them.', kind: 'list' },
          { path: 'security_groups', label: 'Security groups', help: 'One per line.', kind: 'list' },
          { path: 'address_pool', label: 'Address pool', help: 'Each node takes an Elastic IP address that is tagged godwit:address-pool with this value. Addresses of their own if empty.', kind: 'text', placeholder: 'media' },
          { path: 'addresses', label: 'Or these addresses', help: 'Allocation ids, one per line, in place of a pool by name.', kind: 'list' },
          { path: 'transfer_port', label: 'Port for transfers', help: 'TCP and UDP; the security groups must let clients in.', kind: 'number', whole: true, placeholder: '33001' },
        ],
      },
      {
        title: 'Its disks',
        fields: [
          { path: 'root_gb', label: 'Root volume', help: "As large as the image's if empty.", kind: 'number', unit: 'GB', whole: true },
          { path: 'swap_volume_gb', label: 'Volume for swap', help: 'None if empty.', kind: 'number', unit: 'GB', whole: true },
          { path: 'volume_type', label: 'Type', help: 'Of both.', kind: 'text', placeholder: 'gp3' },
        ],
      },
      caps,
      reporting(5),
    ],
  },
  azure: {
    says: 'Nodes are virtual machines of Azure.',
    sections: [],
    start: () => ({ region: '', image: '', ...cloud, security_groups: [''] }),
  },
  gcp: {
    says: 'Nodes are instances of Google Compute Engine.',
    sections: [],
    start: () => ({ region: '', image_family: '', image_project: '', ...cloud }),
  },
  mixed: {
    says: 'Each node is of the first of several offerings, at one provider or many, that can be had.',
    sections: [],
    start: (here) => ({ prefer: 'order', offerings: here.filter((p) => p !== 'mixed').map((provider) => ({ provider, max: 0, price_per_hour: 0 })) }),
  },
  attached: {
    says: 'Nodes run on machines of yours that were attached; each offers slots.',
    sections: [
      { title: 'Where it runs', fields: [{ path: 'slots', label: 'Slots', help: 'Names, one per line. Empty: any slot that is free.', kind: 'list' }] },
      caps,
      reporting(5),
    ],
  },
}

// offered are the providers of a manager in the order of what is known here, which begins with the simplest.
export const offered = (here: readonly string[]): string[] => {
  const order = Object.keys(known)
  return [...here].sort((a, b) => (order.indexOf(a) + 1 || order.length + 1) - (order.indexOf(b) + 1 || order.length + 1))
}
// startOf is what a template begins with at a manager that has these providers.
export const startOf = (provider: string, here: readonly string[]): Spec => known[provider]?.start?.(here) ?? {}
export const says = (provider: string): string | undefined => known[provider]?.says
export const sectionsOf = (provider: string): readonly SpecSection[] => known[provider]?.sections ?? []

// cleaned leaves out what is empty: a field left out takes its default.
export function cleaned(v: unknown): unknown {
  if (Array.isArray(v)) return v.length ? v.map(cleaned) : undefined
  if (typeof v !== 'object' || v === null) return v === '' ? undefined : v
  const out: Spec = {}
  for (const [k, x] of Object.entries(v)) {
    const c = cleaned(x)
    if (c !== undefined) out[k] = c
  }
  return Object.keys(out).length ? out : undefined
}

// pairs and lines are how tags and lists are typed.
export const pairsText = (v: unknown): string => Object.entries((v as Record<string, string> | undefined) ?? {}).map(([k, x]) => `${k}=${x}`).join('\n')
export const textPairs = (text: string): Record<string, string> => Object.fromEntries(textLines(text).map((l) => [l.split('=')[0]!.trim(), l.split('=').slice(1).join('=').trim()]))
export const textLines = (text: string): string[] => text.split('\n').map((l) => l.trim()).filter(Boolean)

// faultAt finds what was said of a field. The API names it with or without the body and the spec before it.
export function faultAt(faults: readonly { location: string; message: string }[], path: string): string | undefined {
  const bare = (l: string) => l.replace(/^body\.?/, '').replace(/^spec\.?/, '')
  return faults.find((f) => bare(f.location) === path || bare(f.location).startsWith(`${path}[`) || bare(f.location).startsWith(`${path}.`))?.message
}

export const labelOf = (provider: string, path: string): string => sectionsOf(provider).flatMap((x) => x.fields).find((f) => f.path === path)?.label ?? path

// linesOf are the differences of two specifications, named as their form names them.
export function linesOf(provider: string, before: Spec, after: Spec): Line[] {
  const fields = new Map(sectionsOf(provider).flatMap((x) => x.fields.map((f) => [f.path, f] as const)))
  const text = (v: unknown, unit?: string) => (v === undefined ? 'default' : typeof v === 'object' ? JSON.stringify(v) : `${String(v)}${unit ? ` ${unit}` : ''}`)
  return changes(before, after).map((c) => {
    const f = fields.get(c.path)
    return { label: f?.label ?? c.path, before: text(c.before, f?.unit), after: text(c.after, f?.unit) }
  })
}
