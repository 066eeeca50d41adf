/** What the server wrote into this answer, for styles that the page makes itself. Browsers hide the attribute, not the property. */
export const nonce = document.querySelector<HTMLMetaElement>('meta[property="csp-nonce"]')?.nonce ?? ''
