import type { ReactNode } from 'react'

function Icon({ children }: { children: ReactNode }) {
  return (
    <svg width="17" height="17" viewBox="0 0 18 18" fill="none" stroke="currentColor" strokeWidth="1.6" strokeLinecap="round" strokeLinejoin="round" aria-hidden="true">
      {children}
    </svg>
  )
}

export const OverviewIcon = () => (
  <Icon>
    <path d="M2 12.500c3-6 5-6 7-2s4 3 7-5" />
    <path d="M2 15.800h14" />
  </Icon>
)
export const NodesIcon = () => (
  <Icon>
    <path d="M5.500 2.500 8.500 4.200v3.500l-3 1.700-3-1.700V4.200zM12.500 2.500l3 1.700v3.500l-3 1.700-3-1.700V4.200zM9 8.900l3 1.700v3.500l-3 1.700-3-1.700v-3.500z" />
  </Icon>
)
export const ActivityIcon = () => (
  <Icon>
    <path d="M4 2.500v13M4 5h0M8 4.500h7.500M8 9h7.500M8 13.500h5" />
    <circle cx="4" cy="4.500" r="1.300" fill="currentColor" />
    <circle cx="4" cy="9" r="1.300" fill="currentColor" />
    <circle cx="4" cy="13.500" r="1.300" fill="currentColor" />
  </Icon>
)
export const TransfersIcon = () => (
  <Icon>
    <path d="M2.500 6.200h12M11.500 3l3 3.200-3 3.200M15.500 12h-12M6.500 8.800l-3 3.200 3 3.200" />
  </Icon>
)
export const KeysIcon = () => (
  <Icon>
    <circle cx="5.700" cy="12.300" r="3.200" />
    <path d="M8 10 15 3M12.500 5.500l2.300 2.300M10.300 7.700l1.700 1.700" />
  </Icon>
)
export const SettingsIcon = () => (
  <Icon>
    <path d="M2.500 5h6M12.500 5h3M2.500 13h3M9.500 13h6" />
    <circle cx="10.500" cy="5" r="2" />
    <circle cx="7.500" cy="13" r="2" />
  </Icon>
)
export const ClustersIcon = () => (
  <Icon>
    <circle cx="9" cy="9" r="6.700" />
    <circle cx="6.600" cy="7.400" r="1.300" fill="currentColor" stroke="none" />
    <circle cx="11.600" cy="7.800" r="1.300" fill="currentColor" stroke="none" />
    <circle cx="8.700" cy="11.600" r="1.300" fill="currentColor" stroke="none" />
  </Icon>
)
export const TemplatesIcon = () => (
  <Icon>
    <path d="M3 3h12v4H3zM3 10h5v5H3zM11 10h4M11 12.500h4M11 15h2.500" />
  </Icon>
)
export const MoreIcon = () => (
  <Icon>
    <path d="M3 9h.01M9 9h.01M15 9h.01" strokeWidth="2.600" />
  </Icon>
)
