export default "inner"
