/** Colours and sizes. Every pair of text and ground has a contrast of at least 4.5, which a browser test measures. */
import { Anchor, createTheme, type CSSVariablesResolver, type MantineColorsTuple } from '@mantine/core'

const ember: MantineColorsTuple = [
  '#fff4ed',
  '#ffe6d5',
  '#fecbaa',
  '#fda774',
  '#fb783c',
  '#f95316',
  '#ea3a0c',
  '#c2410c',
  '#9a3412',
  '#7c2d12',
]

export const theme = createTheme({
  primaryColor: 'ember',
  colors: { ember },
  primaryShade: { light: 7, dark: 7 },
  defaultRadius: 'md',
  fontFamily: 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "DejaVu Sans", Arial, sans-serif',
  fontFamilyMonospace: 'ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace',
  cursorType: 'pointer',
  respectReducedMotion: true,
  // A link among words must not be known by its colour alone.
  components: { Anchor: Anchor.extend({ defaultProps: { underline: 'always' } }) },
})

export const cssVariables: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    '--mantine-color-dimmed': '#495057',
    '--mantine-color-placeholder': '#5c636a',
    '--mantine-color-error': '#b3261e',
    '--mantine-color-body': '#ffffff',
    '--page-ground': '#f6f7f9',
    '--page-line': '#d9dde3',
  },
  dark: {
    '--mantine-color-dimmed': '#b3b8bf',
    '--mantine-color-placeholder': '#9aa0a8',
    '--mantine-color-error': '#ff9d96',
    '--mantine-color-body': '#1b1d21',
    '--mantine-color-text': '#e3e6ea',
    '--page-ground': '#131518',
    '--page-line': '#363a41',
  },
})
