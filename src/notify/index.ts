export { startNotifications, type Notifications } from './notifications.js'
