export default 7; export const name = "other"
