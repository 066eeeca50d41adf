module.exports = { name: __filename }
