// What the tests know of the server, and the urns that they speak.
export const {
  ISSUER: issuer, CLIENT_ID: id, CLIENT_SECRET: secret, USERNAME: username, PASSWORD: password, API_KEY: apiKey,
  ROBOT: robot, ROBOT_KEY: robotKey, GATEWAY: gateway, GATEWAY_SECRET: gatewaySecret, ORDERS: orders,
} = process.env

export const exchange = 'urn:ietf:params:oauth:grant-type:token-exchange'
export const accessToken = 'urn:ietf:params:oauth:token-type:access_token'
export const apiKeyToken = 'urn:claimsmith:params:oauth:token-type:api-key'
