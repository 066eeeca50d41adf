export const total = (basket) => basket.reduce((sum, { price, count }) => sum + price * count, 0)
