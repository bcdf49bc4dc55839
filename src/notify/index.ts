export { startNotifications, type Notifications } from './notifications.js'
export { noticePlant } from './letter.js'
export { sendTestMail } from './mail.js'
export { openQueue } from './queue.js'
