export { Alarm, Alarms, systemTimers, type Timers } from '@confab/link/alarms';
