import { createTheme, type MantineColorsTuple } from '@mantine/core'

// The one accent: deep water. Pools have a ramp of their own in tokens.css.
const tide: MantineColorsTuple = [
  '#e6f5f3', '#cfe9e6', '#a2d3ce', '#71bcb5', '#4aa8a0', '#309c92', '#1f8e85', '#0d7a72', '#0d5f5a', '#064843',
]

// Mantine's greys for the dark scheme, in ours.
const dark: MantineColorsTuple = [
  '#e8eeed', '#b0bcba', '#8d9a98', '#65716f', '#3a4747', '#263131', '#1a2424', '#151d1d', '#101717', '#0e1414',
]

// Danger, dark enough for white letters.
const red: MantineColorsTuple = [
  '#fbe4ec', '#f7ccda', '#efa3bc', '#e6789c', '#dc5280', '#cd3468', '#bd285a', '#b0214f', '#941b42', '#781535',
]

export const theme = createTheme({
  colors: { tide, dark, red },
  primaryColor: 'tide',
  primaryShade: 7,
  defaultRadius: 6,
  fontFamily: 'Inter, ui-sans-serif, system-ui, "Segoe UI", Roboto, "Helvetica Neue", "DejaVu Sans", Arial, sans-serif',
  fontFamilyMonospace: 'ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace',
  headings: { fontWeight: '600' },
  respectReducedMotion: true,
  // Every field of our forms is required unless it says otherwise.
  components: {
    Modal: { defaultProps: { closeButtonProps: { 'aria-label': 'Close' } } },
    InputWrapper: { defaultProps: { withAsterisk: false } },
  },
})
