export {};
const FILES = '__FILES__';
self.addEventListener('install', () => FILES);
